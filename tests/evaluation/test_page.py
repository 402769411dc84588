import pytest
from evaluation import chromium
from evaluation.made_up import results
from PIL import Image

from kbvc_jax.evaluation.page import write_report
from kbvc_jax.evaluation.plot import plot
from kbvc_jax.evaluation.results import Failure


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    images = []
    for name, colour in (("source", "red"), ("ours", "green"), ("x265", "blue")):
        Image.new("RGB", (360, 240), colour).save(folder / f"{name}.png")
        images.append({"name": name, "file": f"{name}.png", "bits_per_pixel": 0.1, "psnr": 30.0})
    window = {"sequence": "one", "frame": 3, "x": 0, "y": 0, "width": 360, "height": 240}
    made = results({"ours": 0.8, "x265": 1.0, "x264": 1.3}, ("one", "two"), set_name="UVG")
    made.pictures.append({**window, "images": images})
    made.failures.append(Failure("ours", "one", 50.0, "</script><b>not markup</b>"))
    return write_report(made, folder)


@pytest.fixture(scope="module")
def browser(page):
    executable = chromium.find()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with chromium.browser(executable) as running:
        running.open(page)
        yield running


def test_the_page_needs_nothing_else(page):
    text = page.read_text()
    assert "{{" not in text.replace("${{", "")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_curves_and_tables_are_drawn(browser):
    assert browser.evaluate("document.querySelectorAll('#curves polyline').length") >= 3
    assert browser.evaluate("document.querySelectorAll('#curves .published').length") == 5
    assert browser.evaluate("document.querySelector('#bd').innerText").count("-20.0") >= 2
    assert browser.evaluate("document.querySelectorAll('#quality circle').length") > 5
    assert "BT.709 limited" in browser.evaluate("document.querySelector('#conditions').innerText")


def test_text_of_the_results_is_not_markup(browser):
    failures = browser.evaluate("document.querySelector('#failures').innerText")
    assert failures == "failed: ours on one at 50: </script><b>not markup</b>"


def test_hovering_over_a_curve_names_its_point(browser):
    browser.evaluate("scrollTo(0, 0)")
    place = browser.evaluate(
        "(() => { const b = document.querySelector('#curves circle').getBoundingClientRect();"
        "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    browser.mouse("mouseMoved", *place)
    browser.wait_for("!document.querySelector('#tip').hidden")
    text = browser.evaluate("document.querySelector('#tip').textContent")
    assert "bits a pixel" in text and "RGB PSNR" in text


def test_choosing_another_metric_changes_curves_and_table(browser):
    before = browser.evaluate("document.querySelector('#curves').innerHTML")
    browser.evaluate(
        "(() => { const m = document.querySelector('#metric');"
        "m.selectedIndex = [...m.options].findIndex(o => o.text.startsWith('MS-SSIM'));"
        "m.dispatchEvent(new Event('change')); })()"
    )
    assert browser.evaluate("document.querySelector('#curves').innerHTML") != before


def test_the_slider_moves_with_the_mouse_and_uncovers_the_other_picture(browser):
    browser.evaluate("document.querySelector('#slider').scrollIntoView({block: 'center'})")
    box = browser.evaluate(
        "(() => { const b = document.querySelector('#slider').getBoundingClientRect();"
        "return [b.x, b.y, b.width, b.height]; })()"
    )
    x, y, width, height = box
    middle = y + height / 2
    clip = "getComputedStyle(document.querySelector('#left-image')).clipPath"
    before = browser.evaluate(clip)
    browser.drag((x + width / 2, middle), (x + width / 5, middle))
    browser.wait_for("document.querySelector('#split').value < 30")
    assert browser.evaluate(clip) != before
    split = browser.evaluate("document.querySelector('#split').value")
    assert float(split) == pytest.approx(20, abs=5)
    handle = browser.evaluate("document.querySelector('#handle').getBoundingClientRect().x")
    assert handle - x == pytest.approx(width * float(split) / 100, abs=2)


def test_left_and_right_pictures_are_ours_and_x265(browser):
    assert browser.evaluate("document.querySelector('#caption').innerText").startswith("ours, 0.1")
    sizes = "[...document.querySelectorAll('#slider img')].map(i => i.naturalWidth)"
    assert browser.evaluate(sizes) == [360, 360]


def test_the_console_has_no_error_and_nothing_was_loaded(browser):
    assert browser.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in browser.requests)


def test_the_plot_is_a_picture_with_a_panel_for_each_sequence(tmp_path):
    sizes = []
    for sequences in (("one",), ("one", "two")):
        plot(results({"ours": 0.8, "x265": 1.0}, sequences), tmp_path / "rd.png")
        with Image.open(tmp_path / "rd.png") as picture:
            sizes.append(picture.size)
    assert sizes[1][0] == pytest.approx(3 * sizes[0][0], rel=0.01)
