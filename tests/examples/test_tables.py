from tf1bn.examples import tables


def test_columns_are_aligned_and_headers_stand_on_the_rule():
    text = tables.aligned(("name", "a\nnumber"), [["x", "1"], ["longer", "22"]])
    assert text.splitlines() == [
        "             a",
        "name    number",
        "------  ------",
        "x            1",
        "longer      22",
    ]


def test_markdown_puts_numbers_to_the_right():
    assert tables.markdown(("name", "n"), [["x", "1"]]) == "| name | n |\n| --- | ---: |\n| x | 1 |"


def test_shares_have_three_decimals_and_nothing_is_a_dash():
    assert (tables.share(0.97249), tables.share(None)) == ("0.972", "-")
