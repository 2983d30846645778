"""Go's template language as bundle templates use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brickyard.templates.go_text import TemplateFault, execute, parse
from brickyard.templates.go_values import Regexp, Url


def filled(text: str, data: Mapping[str, Any] | None = None) -> str:
    functions = {
        "regexp": Regexp,
        "url": Url,
        "who": lambda: "jane",
        "map": lambda *pairs: dict(pairs),
        "pair": lambda key, value: (key, value),
    }
    template = parse(text, "t.tmpl")
    return execute(template, data or {}, functions=functions, definitions={})


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a {{.name}} b", "a x b"),
        ("a \n {{- .name -}} \n b", "axb"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ("{{/* a comment }} in it */}}", ""),
        ("{{if .yes}}1{{else if .no}}2{{else}}3{{end}}", "1"),
        ("{{if .no}}1{{else if eq .name `y` `x`}}2{{else}}3{{end}}", "2"),
        ("{{if and .yes (not .no)}}1{{end}}{{if or .no .empty}}2{{end}}", "1"),
        ("{{with .inner}}{{.deep}}{{$.name}}{{end}}", "dx"),
        ("{{$v := .name}}{{if .yes}}{{$v = `z`}}{{end}}{{$v}}", "z"),
        ("{{$v := .name}}{{if .yes}}{{$v := `z`}}{{end}}{{$v}}", "x"),
        ("{{range .list}}[{{.}}]{{else}}none{{end}}", "[1][2]"),
        ("{{range $i, $x := .list}}{{$i}}={{$x}};{{end}}", "0=1;1=2;"),
        ("{{range .nothing}}x{{else}}none{{end}}", "none"),
        ('{{define "t"}}<{{.}}>{{end}}{{template "t" .name}}', "<x>"),
        ('{{define "t"}}{{.a}}{{end}}{{template "t" (map (pair "a" 1))}}', "1"),
        ('{{block "b" .name}}({{.}}){{end}}', "(x)"),
        ('{{printf "%s-%d %q %v%%" .name 3 "a" true}}', 'x-3 "a" true%'),
        ('{{print 1 2 "a" 3}}', "1 2a3"),
        ("{{.name | printf `%s!`}}", "x!"),
        ("{{len .list}}{{index .list 1}}", "22"),
        ("{{who}}{{if eq who `jane`}}!{{end}}", "jane!"),
        ("{{(url .address).Host}}", "h.example:8"),
        ("{{(regexp `^a(.)`).ReplaceAllString .word `<$1>`}}", "<b>c"),
        ("{{if (regexp `^ab$`).MatchString .word}}1{{else}}0{{end}}", "0"),
        ("{{index ((regexp `a(.)`).FindStringSubmatch .word) 1}}", "b"),
        ("{{`{{.Name}}`}}", "{{.Name}}"),
        ('{{"{{job.id}}"}}', "{{job.id}}"),
        ("{{lt 1 2}} {{ge 1 2}} {{ne 1 1}}", "true false false"),
    ],
)
def test_a_template_gives_what_go_gives(text: str, made: str) -> None:
    data = {
        "name": "x",
        "yes": True,
        "no": False,
        "empty": "",
        "inner": {"deep": "d"},
        "list": [1, 2],
        "nothing": [],
        "address": "https://h.example:8/p",
        "word": "abc",
    }
    assert filled(text, data) == made


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("line\n  {{.missing}}", "t.tmpl:2:5", 'no entry for key "missing"'),
        ("{{if .x}}", "t.tmpl:1:3", "`end` is missing"),
        ("{{.x", "t.tmpl:1:1", "unclosed action"),
        ("{{nope 1}}", "t.tmpl:1:3", "'nope' is not defined"),
        ("{{end}}", "t.tmpl:1:3", "unexpected `end`"),
        ('{{template "t"}}', "t.tmpl:1:3", "'t' is not defined"),
        ('{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', "t.tmpl", "without end"),
        ("{{if}}x{{end}}", "t.tmpl:1:3", "a value is missing"),
        ("{{regexp `(`}}", "t.tmpl:1:3", "unterminated"),
        ("{{(who).Secret}}", "t.tmpl:1:3", "can't evaluate field Secret"),
    ],
)
def test_a_fault_says_where_it_is(text: str, place: str, word: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        filled(text, {"x": 1} if "missing" not in text else {})
    assert str(caught.value).startswith(place)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{{printf "%d" "x"}}', "%!d(string=x)"),
        ('{{printf "%s" 5}}', "%!s(int=5)"),
        ('{{printf "x" 1}}', "x%!(EXTRA int=1)"),
        ('{{printf "%d-%v" 5 true}}', "5-true"),
        ('{{slice "proj" 1 3}}', "ro"),
        ('{{html "<"}}{{urlquery "a b"}}', "&lt;a+b"),
    ],
)
def test_functions_that_come_with_the_language(text: str, written: str) -> None:
    assert execute(parse(text, "t"), {}, functions={}, definitions={}) == written
