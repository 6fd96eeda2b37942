"""Names of hosts as people might write them: which are read so, and which must not be."""

PLAIN = [
    *("bücher", "straße", "việt", "naïve-1", "правда", "яндекс", "ёлка", "ελληνικά", "դոմեն", "日本語"),
    *("日本abc", "例え", "한국", "טעסט", "مثال", "परीक्षा", "বাংলা", "ไทย", "россия"),
]
# Whole words of letters that look Latin, two scripts in one word, letters like slashes, signs, emoji.
DECEPTIVE = [
    *("аррӏе", "сосо", "ораса", "pаypal", "аpple", "ορο", "ɡoogle", "gıthub", "aノb", "xⁿ", "💩", "aǃb"),
    *("аbс", "яx", "日本я", "ᄀ"),
]
BROKEN = ["xn--", "xn--a", "xn--99999999999", "xn--0", "xn--xn---epa", "xn--u-ccb", "a.xn--.b"]


def coded(label: str) -> str:
    return f"xn--{label.encode('punycode').decode()}"
