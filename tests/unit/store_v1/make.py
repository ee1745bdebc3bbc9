#!/usr/bin/env python3
"""
Wrote the files beside it: a store as version 1 of the record and of the layout
left it, from what store_record.h, lmdb_env.c and LMDB's own file format say,
and not with a line of the program. They are never made anew: whatever the
program becomes, it reads them (test_store_v1.c).

	data.mdb	an LMDB file of a little-endian 64-bit machine: "!meta",
			three policies, one of them on a page of its own
	record		the value of example.org, as it also lies in Redis
"""
import os
import struct
import zlib

PAGE = 4096
HEADER = 16
NONE = 0xffffffffffffffff
LEAF, OVERFLOW, META = 0x02, 0x04, 0x08
BIGDATA = 0x01

HERE = os.path.dirname(os.path.abspath(__file__))


def record(domain, ident, fetched, tried, failure, used, body):
    """One value, as store_record.h draws it."""
    head = struct.pack("<4sHHHHIqqq", b"DSTS", 1, len(ident), len(failure), 0,
                       len(body), fetched, tried, used)
    texts = ident + b"\0" + failure + b"\0" + body
    return head + struct.pack("<I", zlib.crc32(domain + head + texts)) + texts


def policy(*lines):
    return b"version: STSv1\r\n" + b"".join(x + b"\r\n" for x in lines)


BODY = policy(b"mode: enforce", b"mx: mx1.example.org", b"mx: *.example.net",
              b"max_age: 31557600", b"dnssec: yes")
ROWS = {
    b"!meta": b"dane-sts-milter\0\x01",
    b"example.org": record(b"example.org", b"20260101", 1764000000, 1764086400,
                           b"HTTP status 503", 1764090000, BODY),
    b"long.example": record(b"long.example", b"L", 1764000001, 0, b"", 0,
                            BODY + b"x-note: " + b"n" * 3000 + b"\r\n"),
    b"xn--bcher-kva.example": record(b"xn--bcher-kva.example", b"abc",
                                     1764000002, 1764000003, b"", 1764000004,
                                     policy(b"mode: none", b"max_age: 0")),
}


def meta(number, txnid, last, main):
    """main: depth, branch, leaf and overflow pages, entries, root"""
    free = struct.pack("<IHHQQQQQ", PAGE, 0x08, 0, 0, 0, 0, 0, NONE)
    data = struct.pack("<QHHHH", number, 0, META, 0, 0)
    data += struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 64 << 20)
    data += free + struct.pack("<IHHQQQQQ", 0, 0, *main)
    return (data + struct.pack("<QQ", last, txnid)).ljust(PAGE, b"\0")


def pages():
    """The leaf with every row, and the pages of those that are large."""
    first = HEADER + 2 * len(ROWS)
    offsets, nodes, large = [], b"", []
    for key, value in sorted(ROWS.items()):
        flags, held = 0, value
        if len(value) > 2000:
            flags, held = BIGDATA, struct.pack("<Q", 3 + len(large))
            page = struct.pack("<QHHI", 3 + len(large), 0, OVERFLOW, 1) + value
            large.append(page.ljust(PAGE, b"\0"))
        node = struct.pack("<HHHH", len(value) & 0xffff, len(value) >> 16,
                           flags, len(key)) + key + held
        nodes = node + b"\0" * (len(node) & 1) + nodes
        offsets.append(PAGE - len(nodes))
    leaf = struct.pack("<QHHHH", 2, 0, LEAF, first, offsets[-1])
    leaf += struct.pack("<%dH" % len(offsets), *offsets)
    return leaf.ljust(PAGE - len(nodes), b"\0") + nodes, large


def main():
    leaf, large = pages()
    last = 2 + len(large)
    with open(os.path.join(HERE, "data.mdb"), "wb") as out:
        out.write(meta(0, 0, 1, (0, 0, 0, 0, 0, NONE)))
        out.write(meta(1, 1, last, (1, 0, 1, len(large), len(ROWS), 2)))
        out.write(leaf + b"".join(large))
    with open(os.path.join(HERE, "record"), "wb") as out:
        out.write(ROWS[b"example.org"])


main()
