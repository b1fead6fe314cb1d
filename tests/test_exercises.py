"""The exercises of the tutorial: their answers, and the page that checks them.

What is right is what the tested code of the worked answer prints. The clicks are in a
small site that is made of `LESSON`; the pages of the documentation are tried too, if
they have been built.
"""

import doctest
import re
from decimal import Decimal

import pytest

from tests.browser import BUILT, DOCS, PHONE, build_site, needs_theme, pages_with

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


# What the pages ask -----------------------------------------------------------------


def blocks(page, directive):
    """Return the contents of all directives of one name, by their arguments."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. {directive}:: (\S+)\n((?: .*\n|\n)*)", text, re.M)
    assert len(found) == len(dict(found)), f"{page} has a name twice"
    return dict(found)


def options(content):
    """Return the options of an exercise."""
    return dict(re.findall(r"^   :(\w+): (.+)$", content, re.M))


def choices(content):
    """Return whether each choice is right, and what is said of it, in their order."""
    parts = content.split(".. choice::")[1:]
    return [(":right:" in part, part.partition("\n\n")[2].strip()) for part in parts]


CHAPTERS = {
    f"{folder}/{page.stem}": blocks(page, "exercise")
    for folder in ("tutorial", "zh")
    for page in sorted((DOCS / folder).glob("*.rst"))
    if re.search("^(?:Try it|试一试)$", page.read_text(encoding="utf-8"), re.M)
}
EXERCISES = {
    f"{chapter}/{name}": content
    for chapter, exercises in CHAPTERS.items()
    for name, content in exercises.items()
}
NUMBERS = [name for name, content in EXERCISES.items() if "answer" in options(content)]


def worked_answers(folder, chapter):
    """Return the worked answers of a chapter, by the names of its exercises."""
    return {
        name.partition("/")[2]: content
        for name, content in blocks(DOCS / folder / "answers.rst", "answer").items()
        if name.startswith(f"{chapter}/")
    }


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_no_exercise_that_the_page_does_not_check(chapter):
    text = (DOCS / f"{chapter}.rst").read_text(encoding="utf-8")
    (section,) = re.findall(r"^(?:Try it|试一试)\n-+\n(.*?)\n\n\n", text, re.M | re.S)
    outside = [line for line in section.splitlines() if re.match(r"\S", line)]
    assert outside == [f".. exercise:: {name}" for name in CHAPTERS[chapter]]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_exercise_has_its_worked_answer_at_the_same_place(chapter):
    assert list(worked_answers(*chapter.split("/"))) == list(CHAPTERS[chapter])


@pytest.mark.parametrize("exercise", NUMBERS)
def test_the_code_of_the_worked_answer_prints_the_number(exercise):
    folder, chapter, name = exercise.split("/")
    asked = options(EXERCISES[exercise])
    answer, tolerance = Decimal(asked["answer"]), Decimal(asked.get("tolerance", "0"))
    worked = worked_answers(folder, chapter)[name]
    printed = [
        Decimal(number)
        for example in doctest.DocTestParser().get_examples(worked)
        for number in NUMBER.findall(example.want)
    ]
    assert any(abs(number - answer) <= tolerance for number in printed), printed


@pytest.mark.parametrize("exercise", sorted(EXERCISES.keys() - NUMBERS))
def test_one_choice_is_right_and_each_other_one_has_its_hint(exercise):
    offered = choices(EXERCISES[exercise])
    assert [is_right for is_right, _ in offered].count(True) == 1
    assert len(offered) > 1
    hints = [said for is_right, said in offered if not is_right]
    assert "" not in hints
    assert len(set(hints)) == len(hints)


@pytest.mark.parametrize("chinese", [name for name in CHAPTERS if "zh/" in name])
def test_both_languages_ask_for_the_same(chinese):
    english = CHAPTERS[chinese.replace("zh/", "tutorial/")]
    assert list(CHAPTERS[chinese]) == list(english)
    for name, content in CHAPTERS[chinese].items():
        for option in ["answer", "tolerance"]:
            assert options(content).get(option) == options(english[name]).get(option)
        right, right_in_english = (
            [is_right for is_right, _ in choices(text)]
            for text in (content, english[name])
        )
        assert right == right_in_english


# How a page checks it ---------------------------------------------------------------

LESSON = """
:orphan:

Lesson
======

.. exercise:: quarter
   :answer: 0.25
   :tolerance: 0.05
   :hint: Half of ``0.5``.

   How much is a quarter?

.. exercise:: years
   :answer: 1300
   :hint: A thousand and some.

   How many years?

.. exercise:: depth
   :answer: -3
   :hint: It is below 0.

   How high is it?

.. exercise:: colour

   Which colour?

   .. choice:: Red, which
      is warm.

      Red is *warm*.

   .. choice:: Blue.
      :right:

      It is cold.

   .. choice:: Yellow.

      Yellow is bright.
"""
ANSWERS = """
:orphan:

Answers
=======

""" + "\n".join(
    f".. answer:: lesson/{name}\n\n   Because of {name}.\n"
    for name in ["quarter", "years", "depth", "colour"]
)
PAGES = {
    f"{folder}/{name}": text
    for folder in ("book", "zh")
    for name, text in {"lesson": LESSON, "answers": ANSWERS}.items()
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the small site: the same lesson in English, and below zh/ in Chinese."""
    needs_theme()
    return build(tmp_path_factory.mktemp("site"), PAGES)


def build(folder, pages, builder="html"):
    """Build a site that can have exercises."""
    return build_site(folder, "exercises", {"index": "Index\n=====\n"} | pages, builder)


class Exercise:
    """An exercise in a page, as a reader handles it."""

    def __init__(self, browser, name):
        self.element = browser.find_element("css selector", f"[data-name='{name}']")

    def find(self, selector):
        return self.element.find_element("css selector", selector)

    def type(self, text):
        """Type a number, and press Enter."""
        from selenium.webdriver.common.keys import Keys

        self.find("[inputmode]").clear()
        self.find("[inputmode]").send_keys(text, Keys.ENTER)

    def choose(self, number):
        """Click the words of a choice, and then the button."""
        self.find(f"li:nth-of-type({number}) label").click()
        self.find("button").click()

    @property
    def said(self):
        return self.find("[role=status]").text

    @property
    def is_solved(self):
        return self.find(".exercise-solved").is_displayed()


@pytest.fixture
def lesson(browser, site):
    """Open the lesson, of which nothing is solved; return its exercises by name."""
    return open_lesson(browser, site)


def open_lesson(browser, site, folder="book"):
    """Open the lesson; return a function from names to its exercises."""
    browser.get((site / folder / "lesson.html").as_uri())
    return lambda name: Exercise(browser, f"lesson/{name}")


def test_a_right_number_is_called_right_and_stays_solved(browser, site, lesson):
    assert not lesson("quarter").is_solved
    lesson("quarter").type("0.25")
    assert lesson("quarter").said == "Right."
    assert lesson("quarter").is_solved
    lesson = open_lesson(browser, site)
    assert lesson("quarter").said == ""
    assert lesson("quarter").is_solved
    assert not lesson("years").is_solved
    assert open_lesson(browser, site, "zh")("quarter").is_solved


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0.19", "Not yet: this is too small.\nHalf of 0.5."),
        ("0.2", "Right."),
        ("0.3", "Right."),
        ("0.31", "Not yet: this is too large.\nHalf of 0.5."),
        ("", "Enter a number, such as 3 or 0.25."),
        ("a quarter", "Enter a number, such as 3 or 0.25."),
    ],
)
def test_a_number_is_compared_within_its_tolerance(lesson, number, said):
    lesson("quarter").type(number)
    assert lesson("quarter").said == said
    assert lesson("quarter").is_solved == (said == "Right.")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *[("quarter", text) for text in (" .25 ", "0,25", "2.5e-1", "0.25%")],
        *[("years", text) for text in ("1300", "1,300", "1 300", "1300.0", "1.3e3")],
        # A minus sign, and digits as a Chinese keyboard may write them.
        *[("depth", text) for text in ("-3", "\u22123", "-3.0", "\uff0d\uff13")],
    ],
)
def test_a_number_can_be_written_in_several_ways(lesson, name, number):
    lesson(name).type(number)
    assert lesson(name).said == "Right."


def test_each_choice_has_what_is_said_of_it(lesson):
    colour = lesson("colour")
    colour.find("button").click()
    assert colour.said == "Choose one of the answers."
    for number, said in [(1, "Red is warm."), (3, "Yellow is bright.")]:
        colour.choose(number)
        assert colour.said == f"Not yet.\n{said}"
        assert not colour.is_solved
    colour.choose(2)
    assert colour.said == "Right.\nIt is cold."
    assert colour.is_solved


def test_what_was_said_goes_when_the_answer_changes(lesson):
    lesson("quarter").type("1")
    lesson("quarter").find("[inputmode]").send_keys("2")
    assert lesson("quarter").said == ""
    lesson("colour").choose(1)
    lesson("colour").find("li:nth-of-type(3) label").click()
    assert lesson("colour").said == ""


def test_keys_are_enough(browser, lesson):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(*keys):
        ActionChains(browser).send_keys(*keys).perform()

    browser.execute_script(
        "arguments[0].focus()", lesson("depth").find(".exercise-answer-link a")
    )
    press(Keys.TAB, Keys.SPACE, Keys.ARROW_DOWN, Keys.TAB, Keys.ENTER)
    assert lesson("colour").said == "Right.\nIt is cold."
    press(Keys.TAB, Keys.ENTER)
    assert browser.current_url.endswith("/answers.html#answer-lesson-colour")


def test_question_and_worked_answer_link_to_each_other(browser, lesson):
    lesson("years").find(".exercise-answer-link a").click()
    answer = browser.find_element("css selector", ":target")
    assert answer.text == "Exercise 2\nBecause of years."
    answer.find_element("link text", "Exercise 2").click()
    question = browser.find_element("css selector", ":target")
    assert question.text.startswith("Exercise 2\nHow many years?")


def test_texts_below_zh_are_chinese(browser, site, lesson):
    lesson = open_lesson(browser, site, "zh")
    words = ""
    for number in ["1", "0", "0.25", "?"]:
        lesson("quarter").type(number)
        words += lesson("quarter").element.text
    lesson("colour").choose(1)
    words += lesson("colour").element.text
    for text in [
        "练习 1",
        "偏大",
        "偏小",
        "答对了",
        "请输入一个数",
        "还不对",
        "已完成",
    ]:
        assert text in words
    for text in ["Exercise", "Check", "Right", "Not yet", "answer", "solved"]:
        assert text not in words


def test_everything_that_can_be_used_has_a_name(browser, lesson):
    for element in browser.find_elements(
        "css selector", ":is(.exercise, .exercise :is(input, button, fieldset, a))"
    ):
        assert element.accessible_name, element.get_attribute("outerHTML")
    group = lesson("colour").find("fieldset")
    assert group.accessible_name == "Which colour?"
    assert lesson("quarter").find("[inputmode]").accessible_name == "Your answer"


# All but what the theme keeps.
REFUSE = """
for (const name of ["getItem", "setItem"]) {
  const method = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key.startsWith("skgd-exercise")) throw Error("refused");
    return method.call(this, key, ...rest);
  };
}
"""


def test_a_browser_that_keeps_nothing_still_checks(browser, site, lesson):
    command = "Page.addScriptToEvaluateOnNewDocument"
    script = browser.execute_cdp_cmd(command, {"source": REFUSE})
    try:
        lesson = open_lesson(browser, site)
        lesson("quarter").type("0.25")
        assert lesson("quarter").said == "Right."
        assert lesson("quarter").is_solved
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_those_without_scripts_read_question_choices_and_link(browser, site):
    command = "Emulation.setScriptExecutionDisabled"
    browser.execute_cdp_cmd(command, {"value": True})
    try:
        lesson = open_lesson(browser, site)
        texts = [lesson(name).element.text for name in ("quarter", "colour")]
        assert not lesson("colour").find("button").is_displayed()
    finally:
        browser.execute_cdp_cmd(command, {"value": False})
    assert texts[0] == "Exercise 1\nHow much is a quarter?\nWorked answer"
    offered = "Red, which is warm.\nBlue.\nYellow."
    assert texts[1] == f"Exercise 4\nWhich colour?\n{offered}\nWorked answer"


def test_other_builders_write_question_choices_and_answer(tmp_path, site):
    out = build(tmp_path, PAGES, "text")
    lesson = (out / "book/lesson.txt").read_text(encoding="utf-8")
    for text in ["Exercise 1", "How much is a quarter?", "Blue."]:
        assert text in lesson
    assert "cold" not in lesson
    assert "Because of years." in (out / "book/answers.txt").read_text(encoding="utf-8")


CHOICE = "   .. choice:: One.\n      :right:\n\n"


@pytest.mark.parametrize(
    ("exercise", "message"),
    [
        ("\n   How many?\n", "either an answer or choices"),
        (f"   :answer: 1\n   :hint: Few.\n\n{CHOICE}", "either an answer or choices"),
        ("   :answer: 1\n\n   How many?\n", "has a hint"),
        ("   :answer: one\n\n   How many?\n", "must be a number"),
        ("\n" + CHOICE * 2, "exactly one choice"),
        (f"\n{CHOICE}   .. choice:: Two.\n", "a wrong choice has a hint: Two."),
        ("   :answer: 1\n   :hint: Few.\n\n   How many?\n", "undefined label"),
    ],
)
def test_a_wrong_exercise_is_an_error_of_the_build(tmp_path, site, exercise, message):
    page = f":orphan:\n\nTitle\n=====\n\n.. exercise:: name\n{exercise}"
    with pytest.raises(Exception, match=message):
        build(tmp_path, {"book/lesson": page}, "text")


@pytest.mark.skipif(not BUILT.exists(), reason="the documentation has not been built")
@pytest.mark.parametrize(
    "page", pages_with('class="exercise"') or ["tutorial/network.html"]
)
def test_pages_of_the_documentation_check_each_exercise_on_a_phone(browser, page):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser.get((BUILT / page).as_uri())
    names = browser.execute_script(
        "return [...document.querySelectorAll('.exercise')].map((e) => e.dataset.name)"
    )
    assert names
    for name in names:
        exercise = Exercise(browser, name)
        content = EXERCISES[f"{page.partition('/')[0]}/{name}"]
        if "answer" in options(content):
            exercise.type(options(content)["answer"])
        else:
            is_right = [is_right for is_right, _ in choices(content)]
            for number, right in sorted(
                enumerate(is_right, 1), key=lambda pair: pair[1]
            ):
                assert not exercise.is_solved
                exercise.choose(number)
                assert ("\n" in exercise.said) or right
        assert exercise.is_solved
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
