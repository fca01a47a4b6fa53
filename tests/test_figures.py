"""The palette, and figures: alternative text, small and repeatable pictures, the data as drawn."""

from __future__ import annotations

import base64
import io
import re
from html import unescape
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from helpers import palette
from helpers.figures import charts as figures
from helpers.metrics import Bucket

ALT = "A line that rises from zero to one over four steps."
ROWS, COLUMNS = ["le", "chat", "<end>"], ["the", "cat"]
WEIGHTS = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Collect what would be displayed."""
    outputs: list[dict[str, str]] = []
    monkeypatch.setattr(figures, "publish_display_data", outputs.append)
    return outputs


def picture(output: dict[str, str]) -> bytes:
    return base64.b64decode(re.search(r"base64,([^\"]+)", output["text/html"]).group(1))


def alt_of(output: dict[str, str]) -> str:
    return unescape(re.search(r'alt="([^"]*)"', output["text/html"]).group(1))


# ---------------------------------------------------------------- palette


def test_shade_follows_cividis_and_clips() -> None:
    cividis = matplotlib.colormaps[palette.WEIGHT_COLOURMAP]
    for weight in np.linspace(0, 1, 101):
        ours = np.array(to_rgb(palette.shade(weight)))
        assert np.abs(ours - cividis(float(weight))[:3]).max() < 6 / 255
    assert palette.shade(-1) == palette.shade(0) == palette.WEIGHT_RAMP[0]
    assert palette.shade(2) == palette.shade(1) == palette.WEIGHT_RAMP[-1]


def test_numbers_can_be_read_on_every_shade() -> None:
    for weight in np.linspace(0, 1, 101):
        colour = palette.shade(weight)
        assert palette.contrast(palette.ink_on(colour), colour) >= 4.5


def test_the_browser_takes_the_same_ink() -> None:
    script = (Path(figures.__file__).parents[1] / "explorer" / "js" / "weights.js").read_text(
        encoding="utf-8"
    )
    change = float(re.search(r'weight < ([\d.]+) \? "#fff" : "#000"', script).group(1))
    assert palette.ink_on(palette.shade(change - 0.01)) == "#ffffff"
    assert palette.ink_on(palette.shade(change + 0.01)) == "#000000"


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
def test_marks_stand_out_on_both_themes(background: str) -> None:
    for name in ("query", "value", "context", "gold link", "wrong", "right"):
        assert palette.contrast(palette.ROLE_COLOURS[name], background) >= 3, name


def test_a_frame_is_seen_on_every_shade_and_paper() -> None:
    """One of its two colours stands out from what it lies on, and both from each other."""
    shades = [palette.shade(weight) for weight in np.linspace(0, 1, 101)]
    for colour in (*shades, "#ffffff", figures.DARK_PAPER):
        seen = [palette.contrast(line, colour) for line in (palette.FRAME, palette.RIM)]
        assert max(seen) >= 4.5, colour
    assert palette.contrast(palette.FRAME, palette.RIM) >= 4.5


def test_each_model_has_its_own_colour_and_marker() -> None:
    assert set(palette.MODEL_COLOURS) == set(palette.MODEL_MARKERS)
    assert len(set(palette.MODEL_COLOURS.values())) == len(palette.MODEL_COLOURS)
    assert len(set(palette.MODEL_MARKERS.values())) == len(palette.MODEL_MARKERS)
    assert set(palette.LAYER_COLOURS) == set(palette.LAYER_MARKERS)
    assert len(set(palette.LAYER_COLOURS.values())) == len(palette.LAYER_COLOURS)
    assert set(palette.CONTEXT_COLOURS) == set(palette.CONTEXT_MARKERS)
    assert not set(palette.CONTEXT_COLOURS) & set(palette.MODEL_COLOURS)
    assert set(palette.BESIDE_COLOURS) == set(palette.BESIDE_MARKERS)
    beside = [*palette.BESIDE_COLOURS.values(), palette.MODEL_COLOURS["transformer"]]
    assert len(set(beside)) == len(beside)
    assert palette.BESIDE_COLOURS["GRU + attention"] == palette.MODEL_COLOURS["scaled dot"]
    for kind in ("VALUE", "READER", "REACH", "PLACE"):
        colours, markers = (getattr(palette, f"{kind}_{what}") for what in ("COLOURS", "MARKERS"))
        assert list(colours) == list(markers)
        assert len(set(colours.values())) == len(set(markers.values())) == len(colours)
    assert set(palette.SERIES_COLOURS) == set(palette.SERIES_MARKERS)
    assert palette.ROLE_COLOURS["wrong"] not in {*palette.READER_COLOURS.values()}


def test_a_wall_hangs_every_map(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, alt, narrow: drawn.append(fig))
    maps = {name: np.full((2, 3), 0.5) for name in "ABCD"}
    maps["C"] = np.array([[9.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # breaks the rules, and is drawn
    sizes = {"rows": ["a", "b"], "columns": ["x", "y", "z"], "title": "four", "alt": "four maps"}
    figures.wall(maps, **sizes)
    *maps_drawn, bar = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert [axes.get_title() for axes in maps_drawn] == ["A", "B", "C", "D"]
    assert bar.get_ylabel() == "attention weight"
    assert drawn[0].axes[0].yaxis_inverted()  # the first target word on top
    with pytest.raises(ValueError, match="map B has shape .3, 2."):
        figures.wall({"A": maps["A"], "B": np.ones((3, 2))}, **sizes)
    figures.wall(maps, **sizes, across=4, gold=[(2, 1)])
    columns = {axes.get_subplotspec().colspan.start for axes in drawn[1].axes[:4]}
    assert columns == {0, 1, 2, 3}
    outlines = [patch.get_xy() for axes in drawn[1].axes[:4] for patch in axes.patches]
    assert outlines == [(2.1, 1.1)] * 4
    figures.wall(maps, **sizes, rows_are="words that ask", columns_are="words asked")
    beside = drawn[2].get_supylabel(), drawn[2].get_supxlabel()
    assert beside == ("words that ask", "words asked")
    figures.wall(maps, **sizes, small=True)
    shades = [float(fig.axes[0].collections[0].norm(0.09)) for fig in (drawn[0], drawn[3])]
    # Of the way from the darkest colour to the lightest:
    assert shades == pytest.approx([0.09, 0.3])


def test_a_stacked_wall_has_a_column_of_maps_for_narrow_windows(
    monkeypatch: pytest.MonkeyPatch, shown: list
) -> None:
    given = {"rows": ["a", "b"], "columns": ["x", "y"], "title": "two", "alt": ALT, "small": True}
    maps = {"A": np.full((2, 2), 0.5), "B": np.eye(2)}
    figures.wall(maps, **given)
    figures.wall(maps, **given, stacked=True)
    flat, stacked = (output["text/html"] for output in shown)
    assert (flat.count("<img "), stacked.count("<img ")) == (2, 4)
    wide, narrow = stacked.split('<figure class="am-narrow" style="margin:0;display:none">')
    assert wide == flat.replace("<figure ", '<figure class="am-wide" ')
    assert "@media (max-width:600px)" in narrow
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, alt, narrow: drawn.append(narrow))
    figures.wall(maps, **given, stacked=True)
    *column, bar = drawn[0].axes
    assert {axes.get_subplotspec().colspan.start for axes in column} == {0}
    assert all(axes.xaxis.get_major_ticks()[0].label1.get_visible() for axes in column)
    assert bar.get_xlabel() == "attention weight"


def test_a_strip_looks_at_one_picture_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    image = np.full((8, 8, 3), 200, dtype=np.uint8)
    words = [*"abcdefg", "<end>"]
    weights = np.tile([[0.1, 0.9, 0.0, 0.0]], (8, 1))
    weights[1], weights[7] = [0.0, 0.0, 1.0, 0.0], 0.0  # the last word looks nowhere
    texts = {"title": "Looks", "alt": ALT}
    figures.picture_strip(image, words, weights, [1, *[None] * 6], **texts)
    axes = drawn[0].axes
    assert len(axes) == 12 and [one.get_title() for one in axes[:8]] == words  # six in a row
    assert not any(one.axison or one.images for one in axes[8:])
    first, second, last = axes[0], axes[1], axes[7]
    assert (first.images[0].get_array() == image).all()
    clear = 1 - first.images[1].get_array()[..., 3] / palette.VEIL
    assert clear.tolist() == [pytest.approx([0.1, 0.9]), pytest.approx([0.0, 0.0])]
    assert [[text.get_text() for text in one.texts] for one in (first, second, last)] == [
        ["0.90"],
        ["1.00"],
        [],
    ]
    assert [patch.get_xy() for patch in first.patches] == [(1, 0)] and not second.patches
    with pytest.raises(ValueError, match="S a square number"):
        figures.picture_strip(image, words, weights[:, :3], **texts)
    with pytest.raises(ValueError, match="expected 8, one for each word"):
        figures.picture_strip(image, words, weights, [1], **texts)


def test_a_logarithmic_axis_shows_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    series = {"falls": ([0, 1, 2], [1.0, 1e-3, 1e-6]), "falls too": ([0, 1, 2], [1.0, 1e-3, 2e-6])}
    figures.lines(series, xlabel="x", ylabel="y", title="t", alt=ALT, log=True)
    axes = drawn[0].axes[0]
    assert axes.get_yscale() == "log"
    low, high = sorted(text.get_position()[1] for text in axes.texts)
    assert high / low > 2.0  # the two names stand apart by more than their ends do
    number = axes.yaxis.get_major_formatter()
    assert [number(value) for value in (1e4, 1.0, 1e-3)] == ["10,000", "1", "0.001"]


def test_a_line_marks_a_place_on_the_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    texts = {"xlabel": "place", "ylabel": "right", "title": "t", "alt": ALT}
    figures.lines({"falls": ([1, 2, 3], [1.0, 0.5, 0.0])}, **texts, mark=(2.5, "last trained"))
    axes = drawn[0].axes[0]
    assert list(axes.lines[-1].get_xdata()) == [2.5, 2.5]
    drawn[0].canvas.draw()
    (name,) = [text for text in axes.texts if text.get_text() == "last trained"]
    assert name.get_window_extent().x0 > axes.transData.transform((2.5, 0.0))[0]


def test_runs_stand_in_a_panel_for_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    labels = {"xlabel": "step", "ylabel": "loss", "title": "Loss", "alt": ALT}
    panels = {"GRU: 2 of 2 learn": [[2.0, 0.1], [2.0, 0.2]], "RNN": [[2.0, 1.9]]}
    figures.runs(panels, [1, 2], **labels, guess=2.08)
    first, second = drawn[0].axes
    assert [axes.get_title(loc="left") for axes in (first, second)] == list(panels)
    own = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_alpha()]
    assert [list(line.get_ydata()) for line in own] == panels["GRU: 2 of 2 learn"]
    assert {line.get_color() for line in own} == {palette.LAYER_COLOURS["GRU"]}
    assert first.get_ylim()[0] == 0 and first.get_ylim() == second.get_ylim()
    figures.runs({"low": [[0.1, 0.2]], "high": [[0.9, 0.8]]}, [1, 2], **labels)
    assert drawn[1].axes[0].get_ylim()[1] >= 0.9, "the first panel cuts the second"
    with pytest.raises(ValueError, match="RNN has runs of"):
        figures.runs({"RNN": [[2.0]]}, [1, 2], **labels)


def test_softmaxes_show_scores_above_and_sorted_weights_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    wide = np.array([[0.0, 9.0, 0.0], [9.0, 0.0, 0.0]])
    figures.softmaxes({"narrow": wide / 9, "wide": wide}, title="Scores", alt=ALT)
    above, other, _, below = drawn[0].axes
    assert above.get_xlim() == other.get_xlim()
    assert max(above.patches[0].get_data().values) == 1, "a curve is not as high as its panel"
    assert [text.get_text() for text in above.texts] == ["standard deviation 0.5"]
    heights = [bar.get_height() for bar in below.patches]
    faces = {to_hex(bar.get_facecolor()).upper() for bar in (*above.patches, *below.patches)}
    assert faces == {palette.ROLE_COLOURS["score"]}, "scores and weights have one colour"
    assert heights == pytest.approx([1 / (1 + 2 * np.exp(-9)), *2 * [1 / (np.exp(9) + 2)]])
    with pytest.raises(ValueError, match="one or more tables"):
        figures.softmaxes({"odd": [1.0, 2.0]}, title="Scores", alt=ALT)


def test_dots_stand_at_the_means_with_whiskers_to_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    labels = {"xlabel": "lost", "title": "Parts", "alt": ALT}
    figures.dots({"GRU: short": [0.2, 0.4], "no norm": [-0.1]}, **labels)
    (axes,) = drawn[0].axes
    points = [line for line in axes.lines if line.get_marker() not in ("None", "|", "")]
    means = [line.get_xdata()[0] for line in points if len(line.get_xdata()) == 1]
    assert means == pytest.approx([0.3, -0.1])
    assert points[0].get_color() == palette.LAYER_COLOURS["GRU"]
    runs = [tuple(place) for dots in axes.collections for place in dots.get_offsets()]
    rounded = {(x, round(y, 2)) for x, y in runs}
    assert {(0.2, 0.27), (0.4, 0.27)} <= rounded
    assert (-0.1, 1.27) not in rounded, "one run is drawn twice"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["GRU: short", "no norm"]
    assert axes.get_xlim()[0] <= -0.1 and axes.get_ylim()[0] > axes.get_ylim()[1]
    with pytest.raises(ValueError, match="no runs for"):
        figures.dots({"RNN": []}, **labels)


def test_the_title_of_dots_is_not_cut_where_names_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    title = "A title of so many words that it has to go on in a second line below"
    figures.dots({"a name that is as long as that": [0.5]}, xlabel="share", title=title, alt=ALT)
    fig = drawn[0]
    fig.savefig(io.BytesIO())
    (words,) = fig.texts
    assert words.get_text().replace("\n", " ") == title
    assert words.get_window_extent().x1 <= fig.bbox.x1


def test_darkened_colours_can_be_read_as_text() -> None:
    for colour in palette.CYCLE:
        assert palette.contrast(palette.darken(colour), "#ffffff") >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert palette.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_map_says_what_its_rows_and_columns_are(shown: list) -> None:
    axes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "show", lambda fig, alt, *_: axes.append((fig.axes[0], alt)))
        given = {"rows_are": "words that look", "columns_are": "keys"}
        figures.attention_map(WEIGHTS, ROWS, COLUMNS, title="Two words", **given)
        figures.attention_map(WEIGHTS, ROWS, COLUMNS, title="Two words")
    (named, alt), (usual, _) = axes
    assert (named.get_ylabel(), named.get_xlabel()) == ("words that look (queries)", "keys")
    assert f"{len(ROWS)} words that look as rows and {len(COLUMNS)} keys as columns" in alt
    assert usual.get_ylabel() == "target words (queries)"


# ---------------------------------------------------------------- show


@pytest.mark.parametrize("alt", ["", "a curve", " " * 40, None])
def test_show_demands_a_text(shown: list, alt: str | None) -> None:
    fig, _ = figures.new_figure()
    with pytest.raises(ValueError, match="expected a sentence"):
        figures.show(fig, alt)
    assert shown == []


def test_show_keeps_the_text_and_escapes_it(shown: list) -> None:
    fig, axes = figures.new_figure()
    axes.plot([0, 1])
    alt = 'Weights < 0.5 & "quoted" <script>alert(1)</script>'
    figures.show(fig, alt)
    assert shown[0]["text/plain"] == alt
    assert alt_of(shown[0]) == alt
    assert "<script" not in shown[0]["text/html"]
    with Image.open(io.BytesIO(picture(shown[0]))) as image:
        assert image.format == "PNG"
        assert image.info == {} or set(image.info) <= {"dpi", "transparency"}


def test_show_closes_a_figure_of_pyplot(shown: list) -> None:
    from matplotlib import pyplot

    fig = pyplot.figure()
    figures.show(fig, ALT)
    assert not pyplot.fignum_exists(fig.number)


def test_the_same_data_gives_the_same_bytes(shown: list) -> None:
    for last in (0.5, 0.5, 0.6):
        weights = np.array([[0.9, 0.1], [0.25, 0.75], [last, 1 - last]])
        figures.attention_map(weights, ROWS, COLUMNS, title="A map")
    first, second, third = (picture(output) for output in shown)
    assert first == second
    assert first != third


# ---------------------------------------------------------------- figures


def test_attention_map_says_where_each_row_looks(shown: list) -> None:
    given = WEIGHTS.copy()
    figures.attention_map(WEIGHTS, ROWS, COLUMNS, gold=[(1, 1)], title="Two words")
    alt = alt_of(shown[0])
    assert alt.startswith("Two words. Attention map with 3 target words as rows and 2 source")
    assert "chat at cat 0.75" in alt
    assert alt.endswith("Gold links are outlined: 1.")
    assert np.array_equal(WEIGHTS, given)


def test_attention_map_draws_gold_links(shown: list) -> None:
    figures.attention_map(WEIGHTS, ROWS, COLUMNS, title="Two words")
    figures.attention_map(WEIGHTS, ROWS, COLUMNS, gold=[(1, 1)], title="Two words")

    def framed(data: str) -> int:
        """Count the pixels of the frame's colour that have its rim next to them."""
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            grey = np.asarray(image.convert("L"), dtype=int)
        jumps = (grey[:, :-3] < 30) & (grey[:, 3:] > 225)
        return int(jumps.sum())

    plain, gold = (re.findall(r"base64,([^\"]+)", output["text/html"]) for output in shown)
    for without, within in zip(plain, gold, strict=True):  # light and dark
        assert framed(within) > framed(without) + 40


def test_attention_map_takes_an_alt_of_your_own(shown: list) -> None:
    figures.attention_map(WEIGHTS, ROWS, COLUMNS, title="Two words", alt=ALT)
    assert alt_of(shown[0]) == ALT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": WEIGHTS.T}, "transposed"),
        ({"weights": WEIGHTS * 2}, "sums to 2"),
        ({"rows": "le chat <end>"}, "list of words"),
        ({"gold": [(2, 0)]}, "source position under 2"),
    ],
)
def test_attention_map_refuses_what_does_not_fit(
    shown: list, change: dict[str, object], message: str
) -> None:
    given = {"weights": WEIGHTS, "rows": ROWS, "columns": COLUMNS, "gold": None, **change}
    with pytest.raises(ValueError, match=message):
        figures.attention_map(**given, title="Two words")
    assert shown == []


def test_a_long_map_stays_small(shown: list) -> None:
    scores = np.random.default_rng(0).normal(size=(26, 24)) * 3
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    words = [f"word{i}" for i in range(26)]
    figures.attention_map(weights, words, words[:24], title="A long sentence")
    assert len(picture(shown[0])) <= 60_000


def test_curves_carry_their_models_colour(shown: list, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    x = [0, 1, 2]
    series = {"additive": (x, [3, 2, 1]), "dot": (x, [3, 1, 0])}
    band = {"dot": ([2.9, 0.9, 0], [3.1, 1.1, 0.2])}
    labels = {"xlabel": "steps", "ylabel": "loss", "title": "Both learn", "alt": ALT}
    figures.lines(series, **labels, band=band)
    axes = drawn[0].axes[0]
    colours = [line.get_color() for line in axes.lines]
    assert colours == [palette.MODEL_COLOURS["additive"], palette.MODEL_COLOURS["dot"]]
    assert len(axes.collections) == 1
    assert {text.get_text() for text in axes.texts} == {"additive", "dot"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("steps", "loss")


def test_shares_stand_on_an_axis_from_0_to_1(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    labels = {"xlabel": "part", "ylabel": "share", "title": "High", "alt": ALT}
    figures.lines({"dot": ([1, 2], [0.8, 0.9])}, **labels, shares=True)
    low, high = drawn[0].axes[0].get_ylim()
    assert -0.1 < low <= 0 and 1 <= high < 1.1


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0.06, 0.25], [{"0.1", "0.2"}]),
        # Which of the powers get a tick depends on Matplotlib's version.
        ([1e-11, 0.1], [{"$10^{-11}$", "0.001"}, {"$10^{-10}$", "0.0001"}]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers(
    monkeypatch: pytest.MonkeyPatch, heights: list[float], expected: list[set[str]]
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    labels = {"xlabel": "word", "ylabel": "norm", "title": "It falls", "alt": ALT}
    figures.lines({"dot": ([1, 2], heights)}, **labels, log=True)
    drawn[0].draw_without_rendering()
    ticks = drawn[0].axes[0].get_yticklabels(which="both")
    texts = {tick.get_text() for tick in ticks} - {""}
    assert any(some <= texts for some in expected)
    assert all("$" not in text for text in texts) or min(heights) < 1e-9


def test_by_length_shows_value_interval_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    buckets = [Bucket(4, 6, 300, 300), Bucket(7, 9, 150, 300)]
    figures.by_length({"additive": buckets}, title="By length", alt=ALT)
    axes = drawn[0].axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["4-6\nn = 300", "7-9\nn = 300"]
    container = axes.containers[0]
    assert list(container.lines[0].get_ydata()) == [1.0, 0.5]
    segment = container.lines[2][0].get_segments()[1]  # the interval of the second bucket
    assert segment[:, 1] == pytest.approx(buckets[1].interval)
    # The bar of the first bucket is shorter than its point, and is seen above and beside it.
    point, ends, (bar, *_) = container.lines
    assert bar.get_zorder() > point.get_zorder()
    assert to_hex(point.get_markerfacecolor()) == "#ffffff"
    assert all(end.get_markersize() > point.get_markersize() for end in ends)


@pytest.mark.parametrize("run", ["this run", "longer training", "trained longer"])
def test_two_runs_of_a_model_have_one_colour_and_two_kinds_of_line(
    monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    names = ("dot", f"dot, {run}", "no attention, bidirectional")
    figures.by_length({name: [Bucket(4, 6, 9, 10)] for name in names}, title="Runs", alt=ALT)
    first, second, other = (one.lines[0] for one in drawn[0].axes[0].containers)
    assert first.get_color() == second.get_color() == palette.MODEL_COLOURS["dot"]
    assert [line.get_linestyle() for line in (first, second, other)] == ["-", "--", "-"]


def line_colours(monkeypatch: pytest.MonkeyPatch, names: list[str], dark: bool) -> list[str]:
    """Return the colours of curves of these names, as seen on white or on dark paper."""
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "show", lambda fig, *_: drawn.append(fig))
    labels = {"xlabel": "part", "ylabel": "share", "title": "Names", "alt": ALT}
    figures.lines({name: ([1, 2], [0.8, 0.9]) for name in names}, **labels)
    if dark:
        figures.darken_figure(drawn[0])
    lines = drawn[0].axes[0].lines
    assert all(to_hex(line.get_markerfacecolor()) == to_hex(line.get_color()) for line in lines)
    return [to_hex(line.get_color()).upper() for line in lines]


def test_what_the_others_are_compared_with_is_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["additive", "no attention, bidirectional", "guessing"]
    found = line_colours(monkeypatch, names, dark=False)
    assert found == [palette.MODEL_COLOURS["additive"], palette.GREY, palette.GREY]


@pytest.mark.parametrize("dark", [False, True])
def test_one_model_in_several_sizes_has_one_hue(
    monkeypatch: pytest.MonkeyPatch, dark: bool
) -> None:
    """The last shade is the one that stands out most, and each is seen on its paper."""
    found = line_colours(monkeypatch, ["2.5 numbers", "32 numbers", "1,024 numbers"], dark)
    assert all(len({colour[i : i + 2] for i in (1, 3, 5)}) == 1 for colour in found)
    contrasts = [palette.contrast(c, figures.DARK_PAPER if dark else "#ffffff") for c in found]
    assert contrasts == sorted(contrasts) and 3 <= contrasts[0] < contrasts[1] < contrasts[2]


@pytest.mark.parametrize("names", [["32 numbers"], ["32 numbers", "4 steps"], ["3 a", "other"]])
def test_other_names_are_no_amounts(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    assert line_colours(monkeypatch, names, dark=False)[0] == palette.CYCLE[0]


def test_by_length_refuses_different_sentences(shown: list) -> None:
    one, other = [Bucket(4, 6, 300, 300)], [Bucket(4, 6, 250, 299)]
    with pytest.raises(ValueError, match="same sentences"):
        figures.by_length({"additive": one, "dot": other}, title="By length", alt=ALT)
    with pytest.raises(ValueError, match="at least one model"):
        figures.by_length({}, title="By length", alt=ALT)


def test_names_at_the_ends_do_not_touch() -> None:
    moved = figures._apart([0.03, 0.05, 0.96, 0.97], [1, 2, 1, 1], 0.07)
    gaps = np.diff(moved)
    assert gaps[0] >= 0.07 * 1.5 - 1e-6
    assert gaps[2] >= 0.07 - 1e-6
    assert figures._apart([0.1, 0.9], [1, 1], 0.07) == [0.1, 0.9]
