"""The live pictures in a page, by clicks and keys in Chromium.

The pages here are a small site that is made of `PAGE`. Those of the documentation are
looked at too, if they have been built.
"""

import time

import pytest

from tests.browser import BUILT, PHONE, build_site, needs_theme, pages_with

PAGE = """
Title
=====

.. live-descent:: surface
   :clock: steps
   :steps: 24
   :surface: bowl
   :learning-rate: 0.2

   For those without scripts.

.. live-descent:: points
   :epochs: 12
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the small site: the same page in English, and below zh/ in Chinese."""
    needs_theme()
    folder = tmp_path_factory.mktemp("site")
    return build(folder, {"index": PAGE, "zh/index": ":orphan:\n" + PAGE})


def build(folder, pages, builder="html"):
    """Build a site that can have live pictures."""
    return build_site(folder, "live_descent", pages, builder)


class Widget:
    """A live picture, as a reader handles it."""

    def __init__(self, browser, place):
        self.browser = browser
        self.element = browser.find_elements("css selector", ".live-descent")[place]
        self.show()

    def show(self):
        """Scroll to it."""
        self.browser.execute_script(
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})",
            self.element,
        )

    def find(self, selector):
        return self.element.find_element("css selector", selector)

    def control(self, name):
        return self.find(f"[data-name={name}]")

    def choose(self, name, value):
        from selenium.webdriver.support.select import Select

        Select(self.control(name)).select_by_value(value)

    def press(self, name, *keys):
        """Press keys of this name, such as ARROW_LEFT, on the surface."""
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            self.find(name).send_keys(getattr(Keys, key))

    def ask(self, script):
        """Return the value of an expression in `widget`."""
        return self.browser.execute_script(
            f"const {{widget}} = arguments[0]; return {script}", self.element
        )

    def wait_for(self, script):
        """Wait until an expression is true, ten seconds at most."""
        end = time.monotonic() + 10
        while not self.ask(script):
            assert time.monotonic() < end, script
            time.sleep(0.02)

    def wait_for_end(self):
        """Scroll to it, and wait until its run has ended."""
        self.show()
        self.wait_for("widget.hasEnded && !widget.player.isPlaying")

    def paths(self):
        return dict(self.ask("widget.race.runs.map((r) => [r.solver, r.places])"))

    def picture(self):
        return self.ask("widget.plane.toDataURL()")


def open_page(browser, site, page="index", motion="no-preference"):
    """Open a page of the small site, with motion or ``reduce``; return its widgets."""
    features = [{"name": "prefers-reduced-motion", "value": motion}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get((site / f"{page}.html").as_uri())
    return Widget(browser, 1), Widget(browser, 0)


@pytest.fixture
def surface(browser, site):
    """Return the surface, at the end of a run that was made at once."""
    _, widget = open_page(browser, site, motion="reduce")
    widget.wait_for_end()
    return widget


def test_it_begins_when_it_is_seen_and_ends(browser, site):
    _, widget = open_page(browser, site)
    widget.wait_for("widget.player.isPlaying")
    widget.choose("speed", "4")
    widget.wait_for_end()
    assert widget.find(".live-play").text == "Play"


def test_a_click_on_the_surface_moves_the_start_and_runs_three_paths(browser, surface):
    from selenium.webdriver import ActionChains

    before = surface.paths()
    plane = surface.find(".live-plane")
    ActionChains(browser).move_to_element_with_offset(plane, 60, -40).click().perform()
    surface.wait_for_end()
    after = surface.paths()
    place = surface.ask("widget.view.toPixel(...widget.start)")
    assert place == pytest.approx(
        [plane.size["width"] / 2 + 60, plane.size["height"] / 2 - 40], abs=1.5
    )
    assert list(after) == ["batch", "minibatch", "sgd"]
    for solver, places in after.items():
        assert len(places) == 25
        assert places[0] == surface.ask("widget.start")
        assert places[0] != before[solver][0]


def test_a_slider_changes_the_paths_and_the_former_ones_stay(surface):
    before = surface.paths()
    surface.press("[data-name=learningRate]", "ARROW_RIGHT")
    surface.wait_for_end()
    assert surface.ask("widget.settings.learningRate") == 0.21
    assert surface.find("[data-name=learningRate] + output").text == "0.21"
    after = surface.paths()
    for solver in before:
        assert after[solver][0] == before[solver][0]
        assert after[solver][1:] != before[solver][1:]
    former = surface.ask("widget.former.map((r) => [r.solver, r.places])")
    assert dict(former) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "adam"),
        ("schedule", "cosine"),
        ("surface", "hollows"),
        ("clock", "passes"),
    ],
)
def test_each_select_of_the_surface_changes_the_paths(surface, name, value):
    before = surface.paths()
    surface.choose(name, value)
    surface.wait_for_end()
    assert surface.paths()["batch"] != before["batch"]


def test_momentum_and_batch_size_change_what_reads_them(surface):
    assert not surface.control("momentum").is_enabled()
    surface.choose("optimizer", "momentum")
    before = surface.paths()
    surface.press("[data-name=momentum]", "ARROW_LEFT")
    assert surface.paths()["sgd"] != before["sgd"]
    before = surface.paths()
    surface.press("[data-name=batchSize]", "ARROW_RIGHT")
    assert surface.paths()["minibatch"] != before["minibatch"]
    assert surface.paths()["sgd"] == before["sgd"]


def test_pause_stops_the_descents_and_step_and_play_go_on(browser, site):
    _, widget = open_page(browser, site)
    widget.wait_for("widget.race.ticks > 1")
    widget.find(".live-play").click()
    ticks = widget.ask("widget.race.ticks")
    assert ticks < 24
    assert not widget.ask("widget.player.isPlaying")
    time.sleep(0.25)  # three ticks, if it went on
    assert widget.ask("widget.race.ticks") == ticks
    widget.find(".live-step").click()
    assert widget.ask("widget.race.ticks") == ticks + 1
    widget.find(".live-play").click()
    widget.wait_for(f"widget.race.ticks > {ticks + 1}")


def test_by_passes_all_solvers_have_seen_the_same_samples(surface):
    surface.choose("clock", "passes")
    surface.find(".live-step").click()  # one pass over 64 samples, in batches of 8
    lengths = {solver: len(places) - 1 for solver, places in surface.paths().items()}
    assert lengths == {"batch": 1, "minibatch": 8, "sgd": 64}
    surface.find(".live-step").click()
    assert len(surface.paths()["sgd"]) - 1 == 128


def test_reset_goes_back_to_the_page_s_settings_and_start(surface):
    start = surface.ask("widget.start")
    surface.choose("optimizer", "adam")
    surface.choose("surface", "valley")
    surface.press(".live-plane", "ARROW_LEFT")
    surface.find(".live-reset").click()
    settings = surface.ask("widget.settings")
    assert (settings["optimizer"], settings["learningRate"]) == ("gd", 0.2)
    assert surface.control("surface").get_attribute("value") == "bowl"
    assert surface.ask("widget.start") == start
    assert surface.ask("widget.race.ticks") == 0


def test_the_keyboard_moves_the_start_and_starts(surface):
    w, b = surface.ask("widget.start")
    step = 10 / surface.ask("widget.view.scale")
    surface.press(".live-plane", "ARROW_RIGHT", "ARROW_UP", "ARROW_UP")
    assert surface.ask("widget.start") == pytest.approx([w + step, b + 2 * step])
    assert surface.ask("widget.race.ticks") == 0
    surface.press(".live-plane", "ENTER")
    surface.wait_for_end()
    assert surface.paths()["sgd"][0] == pytest.approx([w + step, b + 2 * step])


def test_a_solver_can_be_hidden_and_shown_again(surface):
    button = surface.find("[data-solver=sgd]")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert list(surface.paths()) == ["batch", "minibatch"]
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert list(surface.paths()) == ["batch", "minibatch", "sgd"]


def test_a_diverging_descent_is_told_in_words(surface):
    surface.choose("surface", "valley")
    surface.press("[data-name=learningRate]", "END")
    surface.wait_for_end()
    assert surface.find("[data-solver=batch] output").text == "diverged"
    assert "batch: diverged" in surface.ask("widget.status.textContent")


def test_points_are_learned_and_their_boundary_moves(browser, site):
    widget, _ = open_page(browser, site, motion="reduce")
    widget.wait_for_end()
    losses = [loss for _, loss in widget.ask("widget.curves.training")]
    assert len(losses) == 13
    assert losses[-1] < 0.7 * losses[0]
    assert widget.find(".live-readout").text.startswith("Epoch 12: ")
    learned = widget.picture()
    widget.find(".live-reset").click()
    assert widget.find(".live-readout").text.startswith("Epoch 0: ")
    assert widget.picture() != learned


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points", "spirals"),
        ("solver", "batch"),
        ("optimizer", "nesterov"),
        ("schedule", "one_cycle"),
        ("hidden", "8, 8"),
        ("activation", "relu"),
    ],
)
def test_each_select_of_the_points_changes_the_network(browser, site, name, value):
    widget, _ = open_page(browser, site, motion="reduce")
    widget.wait_for_end()
    before = widget.ask("[...widget.descent.theta]")
    widget.choose(name, value)
    widget.wait_for_end()
    assert widget.ask("[...widget.descent.theta]") != before
    assert widget.ask("widget.descent.isFinite")


def test_new_weights_are_others_and_diverging_points_are_told(browser, site):
    widget, _ = open_page(browser, site, motion="reduce")
    widget.wait_for_end()
    before = widget.ask("[...widget.descent.theta]")
    widget.find(".live-redraw").click()
    assert widget.ask("[...widget.descent.theta]") != before
    for name, value in {
        "activation": "leaky_relu",
        "optimizer": "gd",
        "hidden": "16, 16",
        "solver": "sgd",
    }.items():
        widget.choose(name, value)
    widget.press("[data-name=learningRate]", "END")
    widget.wait_for_end()
    assert widget.find(".live-readout").text.startswith("Diverged in epoch 1:")


def test_the_pictures_follow_the_theme(surface):
    light = surface.picture()
    surface.browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    surface.wait_for("widget.layer !== undefined")
    dark = surface.picture()
    assert dark != light
    surface.browser.execute_script("document.documentElement.dataset.theme = 'light'")
    surface.wait_for("widget.layer !== undefined")
    assert surface.picture() == light


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_canvases_have_a_pixel_for_each_of_the_screen(browser, site, ratio):
    size = {"width": 900, "height": 900, "mobile": False}
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", size | {"deviceScaleFactor": ratio}
    )
    for widget in open_page(browser, site, motion="reduce"):
        widget.wait_for_end()
        for name in ["plane", "chart"]:
            sizes = widget.ask(
                f"[widget.{name}.width, widget.{name}.getBoundingClientRect().width]"
            )
            assert sizes[0] == pytest.approx(ratio * sizes[1], abs=0.6)


def test_texts_below_zh_are_chinese_and_all_others_english(browser, site):
    english = open_page(browser, site)[1].element.text
    assert "Learning rate" in english
    widgets = open_page(browser, site, "zh/index")
    for widget in widgets:
        words = widget.element.text
        assert "学习率" in words
        assert "播放" in words or "暂停" in words
        for text in ["Play", "Pause", "Learning", "epochs", "steps", "sample"]:
            assert text not in words
        label = widget.find(".live").get_attribute("aria-label")
        assert label.isascii() is False


def test_both_languages_say_the_same_things(browser, site):
    open_page(browser, site)
    english, chinese = browser.execute_script(
        "const keys = (texts) => Object.entries(texts).map(([key, value]) =>"
        "typeof value === 'object' ? [key, Object.keys(value)] : key);"
        "return ['en', 'zh'].map((language) => keys(liveDescent.textsOf(language)))"
    )
    assert english == chinese


def test_everything_that_can_be_used_has_a_name(browser, site):
    for widget in open_page(browser, site):
        for element in widget.element.find_elements(
            "css selector", "button, select, input, canvas, [role=group]"
        ):
            assert element.accessible_name, element.get_attribute("outerHTML")


def test_those_without_scripts_read_the_fallback(site):
    html = (site / "index.html").read_text(encoding="utf-8")
    assert "<noscript>\n<p>For those without scripts.</p>" in html
    assert "that runs JavaScript.</p>\n</noscript>" in html
    chinese = (site / "zh/index.html").read_text(encoding="utf-8")
    assert "需要支持 JavaScript" in chinese


def test_other_builders_write_the_fallback(tmp_path, site):
    out = build(tmp_path, {"index": PAGE}, "text")
    assert "For those without scripts." in (out / "index.txt").read_text()


@pytest.mark.parametrize(
    "directive",
    [
        "surface\n   :optimizer: adamw",
        "surface\n   :hidden: 8",
        "points\n   :controls: clock",
        "points\n   :learning-rate: fast",
        "landscape",
    ],
)
def test_a_wrong_option_is_an_error_of_the_build(tmp_path, site, directive):
    page = f"Title\n=====\n\n.. live-descent:: {directive}\n"
    with pytest.raises(Exception, match="live-descent"):
        build(tmp_path, {"index": page}, "text")


@pytest.mark.skipif(not BUILT.exists(), reason="the documentation has not been built")
@pytest.mark.parametrize("page", pages_with('class="live-descent"') or ["index.html"])
def test_pages_of_the_documentation_fit_on_a_phone(browser, page):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": reduced})
    browser.get((BUILT / page).as_uri())
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width == 390
    n = len(browser.find_elements("css selector", ".live-descent"))
    assert n > 0
    for place in range(n):
        widget = Widget(browser, place)
        widget.wait_for_end()
        box = widget.find(".live").rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
