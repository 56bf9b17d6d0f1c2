"""What is suggested for a name that nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.queries import QueryError
from bot.queries.near_names import closest_matches, did_you_mean
from tests import query_contexts

KNOWN = (
    *("bytedance/sdxl-lightning-4step", "black-forest-labs/flux-schnell", "meta/meta-llama-3-8b-instruct"),
    *("salesforce/blip", "openai/whisper", "black-forest-labs/flux-dev", "black-forest-labs/flux-pro"),
    *("rocketdigitalai/interior-design-sdxl", "meta/llama-2-70b", "meta/llama-2-70b-chat", "asiryan/flux-schnell"),
    *("luma/ray", "fofr/yue", "qr2ai/ar", "zzzziqi/sd-x", "mercurio005/whisperx-spanish", "tencentarc/gfpgan"),
    *("pikachupichu25/image-faceswap", "cdingram/face-swap", "stability-ai/stable-diffusion-inpainting"),
    *("stability-ai/stable-diffusion", "xinntao/esrgan", "nightmareai/real-esrgan", "wglodell/cog-whisperx-withprompt"),
    *("victor-upmeet/whisperx-a40-large", "daanelson/whisperx"),
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fluks-schnell", "black-forest-labs/flux-schnell"),
        ("black-forest-lab/flux-schnel", "black-forest-labs/flux-schnell"),
        ("blackforestlabs/fluxschnell", "black-forest-labs/flux-schnell"),
        ("flux-schnell-black-forest-labs", "black-forest-labs/flux-schnell"),
        ("meta/flux_dev", "black-forest-labs/flux-dev"),
        ("wisper", "openai/whisper"),
        ("whisper openai", "openai/whisper"),
        ("wzisperx", "daanelson/whisperx"),
        ("Stable Difusion", "stability-ai/stable-diffusion"),
        ("lama-2-70b", "meta/llama-2-70b"),
        ("face swap", "cdingram/face-swap"),
        ("esrgn", "xinntao/esrgan"),
        ("sdxl-lightening", "bytedance/sdxl-lightning-4step"),
        ("llama 3 8b", "meta/meta-llama-3-8b-instruct"),
    ],
)
def test_a_misspelled_name_leads_to_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert closest_matches(typed, KNOWN, 3)[0] == meant


@pytest.mark.parametrize("typed", ["zzzzqqqq", "x", "/", "", "   ", "x" * 100_000, "\n\n", "yy", "../etc", "ing"])
def test_nothing_is_suggested_where_nothing_is_near(typed: str) -> None:
    assert did_you_mean(typed, KNOWN) == "" and did_you_mean("flux", ()) == ""


def test_a_metric_is_suggested_too() -> None:
    assert did_you_mean("usage", ("models_listed", "uses", "gini_used")) == "did you mean uses?"


def test_the_first_of_equals_is_the_first_of_the_list_and_none_is_named_twice() -> None:
    twins = ["b/model", "a/model", "b/model"]
    assert closest_matches("modell", twins, 3) == ["b/model", "a/model"]
    assert did_you_mean("modell", twins) == "did you mean b/model or a/model?"


def test_of_models_that_are_equally_near_the_most_used_was_meant(tmp_path: Path) -> None:
    """Other models of that name come first by the alphabet."""
    with query_contexts.desk(tmp_path) as desk, pytest.raises(QueryError) as refused:
        desk.find_model("odel-0")
    assert refused.value.text.index("did you mean owner0/model-0")
    with query_contexts.desk(tmp_path) as desk:
        most = [row["model"] for row in desk.find_digest("replicate")["catalogues"][0]["top"]]
        public = dict.fromkeys(sorted(most)[:2])
        assert set(desk._most_used(desk.watched.values(), public)) == set(public)
        assert desk._most_used(desk.watched.values(), public) == [name for name in most if name in public]
