"""Bytes and values that files of strangers have in the wrong places."""

ODD_BYTES = (
    *(b"\0", b"\r", b"\n", b"\t", b"\x0b", b"\x0c", b"\x1a", b"\x1f", b"\x7f", b'"', b"'", b"\\", b",", b"::", b"|", b";"),
    *(b"\xff", b"\xe9", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"),  # none of these is UTF-8
    *(b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x8e\xac", b"e\xcc\x81", b"\xe2\x80\xae", b"\xc2\xa0"),
)
ODD_VALUES = (
    *(b"", b" ", b"0", b"00", b"007", b"-1", b"+7", b" 7", b"7 ", b"7.0", b"862.0", b"1e1", b"0x1F", b"1_000", b"1,000"),
    *(b"2147483648", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"1" * 18, b"1" * 40),
    *(b"NaN", b"NULL", b"None", b"\\N", b"N/A", b"nan", b"inf", b"-0", b"\xd9\xa7", b"\xef\xbc\x97"),
    *(b".5", b"4.50", b"4.25", b"5.5", b"10", b"55", b"0.0", b"4,5", b"five", b"2020-01-05 00:00:11", b"2020-01-05T00:00:11Z"),
    *(b"1577836800000", b"1577836800000000", b"43831", b"631151999", b"631152000", b"4102444799", b"4102444800"),
    *(b'"', b'""', b'"quoted"', b'"a" b', b'a "b"', b'"a', b'a"', b'"Back\\"slash (1994)"', b"tt0114709", b"nm0000001,nm0000002"),
    *(b"(no genres listed)", b"Drama||Comedy", b" Drama ", b"A (10000)", b"B (0000)", b"C (1987\xe2\x80\x932000)", b"[rec]"),
    *(b"x" * 2_000, b"x" * 2_001, b"\xe2\x82\xac" * 667),
)
