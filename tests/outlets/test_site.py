"""The settings of the archive site."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.outlets.site import SiteSettings


@pytest.mark.parametrize(
    "url", ["footfall.example", "javascript:alert(1)", "https://a.example/?q=1", "https://me:word@a.example"]
)
def test_the_sites_address_is_a_web_address(url: str) -> None:
    assert SiteSettings.model_validate({"url": "https://a.example/archive"}).url == "https://a.example/archive"
    with pytest.raises(ValidationError):
        SiteSettings.model_validate({"url": url})
