"""Hostile names of models, each an attack on some outlet. Raw, as a network would return them."""

from __future__ import annotations

import zlib

NAMES: dict[str, str] = {
    "mention": "@everyone",
    "mention inside": "owner/@here-now",
    "user mention": "<@123456789012345678>",
    "role mention": "<@&123456789012345678>",
    "channel": "<#123456789012345678>",
    "slash command": "</usage:123456789012345678>",
    "timestamp": "<t:1736640000:R>",
    "custom emoji": "<a:party:123456789012345678>",
    "shortcode": ":tada: :smile:",
    "handle": "owner/.@elonmusk",
    "wide handle": "\uff20elonmusk",
    "tag": "#ai",
    "wide tag": "\uff03ai",
    "cashtag": "$OPG/$TAG",
    "domain": "foo.io",
    "domain with path": "owner/name.ai",
    "link": "https://evil.example.com/a?b=c#d",
    "bare scheme": "http://localhost/",
    "shortener": "t.co/abc",
    "www": "www.example.com",
    "e-mail": "somebody@example.com",
    "IDN": "例え.テスト",
    "punycode": "xn--fsq.com",
    "wide dot": "foo\uff0ecom",
    "one dot leader": "foo\u2024com",
    "invite": "discord.gg/abcdef",
    "masked link": "[free money](https://evil.example.com)",
    "angle link": "<https://evil.example.com>",
    "bold": "**bold** __under__ ~~gone~~ *it* _it_",
    "spoiler": "||spoiler||",
    "code": "`code` ```block```",
    "heading": "# heading",
    "subtext": "-# small",
    "quote": "> quote",
    "long quote": ">>> quote",
    "list": "- item",
    "ordered": "1. item",
    "escape": "\\*not\\* \\",
    "html": "<script>alert(1)</script>",
    "attribute": "\" onmouseover='x' x=\"",
    "entity": "&lt;b&gt; &#64;everyone",
    "jinja": "{{7*7}}",
    "jinja block": "{% for x in y %}{% endfor %}{# c #}",
    "format": "%s {0} ${x}",
    "right to left": "عربي foo.io 123",
    "override": "abc\u202egpj.exe",
    "isolates": "\u2066a\u2069\u2068",
    "zero width": "@\u200beve\u200dry\u2060one \ufefffoo\u200b.io",
    "zalgo": "Z" + "\u0301\u0316\u0338" * 40 + "algo",
    "marks only": "\u0301\u0302\u0303",
    "leading mark": "\u0301abc",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 20,
    "keycap": "#️⃣ 1️⃣",
    "digits of other scripts": "٣४②Ⅷ¾²",
    "forged marks": "\ue000123\ue001 \ue010text\ue011\ue011\ue100\ue011x\ue012 \ue020\ue020",
    "newline": "a\nb\r\nc\u2028d\u2029e\x85f",
    "control": "a\x00b\x1b[31mred\x07",
    "tab": "a\tb",
    "empty": "",
    "spaces": "   ",
    "surrogate": "a\ud800b",
    "long": "owner/" + "x" * 5000,
    "long wide": "模型" * 3000,
    "long of escapes": "*" * 500,
    "long domain": "a." * 200 + "com",
    "markup of rich": "[bold red]x[/]",
}


def gzip_bomb(megabytes: int) -> bytes:
    """A gzip of that many megabytes of zeros. Each megabyte is the same block, which is compressed once."""
    zeros = bytes(2**20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(megabytes):
        checksum = zlib.crc32(zeros, checksum)
    end = checksum.to_bytes(4, "little") + (megabytes * 2**20).to_bytes(4, "little")
    return bytes.fromhex("1f8b08000000000002ff") + block * megabytes + packer.flush() + end
