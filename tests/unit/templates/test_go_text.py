"""Go's template language as bundle templates use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brickyard.templates.go_text import TemplateFault, execute, parse
from brickyard.templates.go_values import Pair, Regexp, Url


def filled(text: str, data: Mapping[str, Any] | None = None) -> str:
    functions = {
        "regexp": Regexp,
        "url": Url,
        "who": lambda: "jane",
        "map": lambda *pairs: {one.key: one.value for one in pairs},
        "pair": Pair,
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
        ("{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}", "02"),
        ("{{range $i, $x := .list}}{{$x}}{{break}}{{end}}", "1"),
        ("{{$s := 0}}{{range 3}}{{$s = .}}{{end}}{{$s}}", "2"),
        ("{{with .empty}}1{{else with .name}}<{{.}}>{{end}}", "<x>"),
        ("{{len `h\u00e9`}} {{index `abc` 1}} {{'a'}}", "3 98 97"),
        ("{{0x1F}} {{1_000}} {{1e3}} {{0o17}} {{1e100}}", "31 1000 1000 15 1e+100"),
        (r"""{{"a\tb\u00e9\x41"}}""", "a\tb\u00e9A"),
        ("{{pair `k` 1}} {{map (pair `b` 1) (pair `a` `x`)}}", "{k 1} map[a:x b:1]"),
        ("{{(url .address).Port}} {{(url `https://h/p?q=1#f`).RawQuery}}", "8 q=1"),
        ("{{index ((regexp `,`).Split `a,b,c` -1) 1}}", "b"),
        ("{{js `it's`}} {{.name | }}", r"it\'s x"),
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
        ("{{if .x}}", "t.tmpl:1:10", "unexpected EOF"),
        ("{{.x", "t.tmpl:1:5", "unclosed action"),
        ("{{nope 1}}", "t.tmpl:1:3", '"nope" is not a defined function'),
        ("{{end}}", "t.tmpl:1:3", "unexpected {{end}}"),
        ('{{template "t"}}', "t.tmpl:1:12", 'template "t" not defined'),
        ('{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', "t.tmpl", "template depth (100)"),
        ("{{if}}x{{end}}", "t.tmpl:1:5", "missing value for if"),
        ("{{regexp `(`}}", "t.tmpl:1:3", "error parsing regexp: missing closing ): `(`"),
        ("{{(who).Secret}}", "t.tmpl:1:4", "can't evaluate field Secret in type string"),
        ("{{eq 1 `1`}}", "t.tmpl:1:3", "incompatible types for comparison: int and string"),
        ("{{eq 1}}", "t.tmpl:1:3", "error calling eq: missing argument for comparison"),
        ("{{lt true false}}", "t.tmpl:1:3", "invalid type for comparison"),
        ("{{call .x}}", "t.tmpl:1:3", "non-function .x of type int"),
        ("{{index `abc` 9}}", "t.tmpl:1:3", "index out of range: 9"),
        ("{{break}}", "t.tmpl:1:3", "{{break}} outside {{range}}"),
        ("{{if 1}}{{$y := 1}}{{end}}{{$y}}", "t.tmpl:1:29", 'undefined variable "$y"'),
        ("{{$a, $b := 1}}", "t.tmpl:1:5", "too many declarations in command"),
        ("{{1 | 2}}", "t.tmpl:1:8", "non executable command in pipeline stage 2"),
        ("{{.x 1}}", "t.tmpl:1:3", "x is not a method but has arguments"),
        ("{{/* x }}", "t.tmpl:1:3", "unclosed comment"),
        ("{{range `abc`}}{{end}}", "t.tmpl:1:9", "range can't iterate over abc"),
        ("{{url}}", "t.tmpl:1:3", "wrong number of args for url: want 1 got 0"),
        ("{{url 1}}", "t.tmpl:1:7", "expected string; found 1"),
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
