"""A page that asks the endpoint. Started by Streamlit; says who asks only to the endpoint."""

import os

import streamlit as st
from ask import answer_of
from databricks.sdk import WorkspaceClient

st.title("Ask")
question = st.chat_input("Your question")
if question:
    st.chat_message("user").write(question)
    with st.chat_message("assistant"), st.spinner("Asking…"):
        st.write(answer_of(WorkspaceClient(), os.environ["SERVING_ENDPOINT"], question))
