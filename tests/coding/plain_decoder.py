"""docs/bitstream.md, sections 2 to 6, in plain Python; shares no line with the package."""

import zlib

ESCAPE_EXPONENTS = [32753] + [2 ** (15 - c) for c in range(1, 16)] + [1] * 16
M64 = 2**64 - 1


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def u(data, at, size):
    return int.from_bytes(data[at : at + size], "little")


def checked(data, begin, end, identity=0):
    assert zlib.crc32(data[begin:end], identity) == u(data, end, 4)
    return end + 4


def parse(data):
    """Header fields, records and index entries of a stream."""
    assert data[:5] == b"KBVC\x0c"
    header = {
        "width": u(data, 5, 2),
        "height": u(data, 7, 2),
        "frame_count": u(data, 9, 4),
        "matrix": ("601", "709", "2020")[data[13] & 3],
        "full_range": bool(data[13] >> 2 & 1),
        "bit_depth": (8, 10)[data[13] >> 3 & 1],
        "chroma": ("420", "422", "444", "400")[data[13] >> 4 & 3],
        "one_rate": bool(data[13] >> 6),
        "gop": data[14],
        "quality": u(data, 15, 2),
        "fingerprint": data[17:25],
        "identity": u(data, 25, 4),
    }
    numerator, at = varint(data, 29)
    denominator, at = varint(data, at)
    header["rate"] = (numerator, denominator)
    at = checked(data, 0, at)
    records, first = [], 0
    while data[at]:
        begin, frames = at, data[at] & 63
        quality, offsets = header["quality"], [0] * len(bin(frames - 1)[2:].lstrip("0"))
        stated, at = varint(data, at + 1)
        assert stated == first
        if data[begin] & 128:
            quality, at = u(data, at, 2), at + 2
            offsets = [(b ^ 128) - 128 for b in data[at : at + len(offsets)]]
            at += len(offsets)
        count = len(offsets) + 1
        codecs = [data[at + depth // 2] >> 4 * (depth % 2) & 15 for depth in range(count)]
        at += (count + 1) // 2
        length, at = varint(data, at)
        payload = data[at : at + length]
        at = checked(data, begin, at + length, header["identity"])
        parts = quality, tuple(offsets), tuple(codecs), payload
        records.append((first, frames, *parts, at - begin))
        first += frames
    begin, entries, frames = at, [], 0
    at += 1
    while at < len(data) - 8:
        number, at = varint(data, at)
        if number & 1:
            frames, at = data[at], at + 1
        entries.append((frames, number >> 1))
    assert u(data, at, 4) == len(data) - begin
    assert checked(data, begin, at + 4) == len(data)
    return header, records, entries


class PlainDecoder:
    def __init__(self, payload):
        self.bytes, self.at = payload, 8
        self.low, self.range = 0, M64
        self.point = int.from_bytes(payload[:8].ljust(8, b"\0"), "big")

    def column(self, frequencies):
        scale = self.range >> 24
        quantile = ((self.point - self.low) & M64) // scale
        assert quantile < 2**24
        below = column = 0
        while (below + frequencies[column]) * 256 <= quantile:
            below, column = below + frequencies[column], column + 1
        self.low = (self.low + scale * 256 * below) & M64
        self.range = scale * 256 * frequencies[column]
        if self.range < 2**32:
            word = int.from_bytes(self.bytes[self.at : self.at + 4].ljust(4, b"\0"), "big")
            self.low, self.range = self.low << 32 & M64, self.range << 32
            self.point, self.at = (self.point << 32 | word) & M64, self.at + 4
        return column

    def batch(self, indexes, tables):
        """Symbols of one batch; a table is (offset, frequencies)."""
        symbols, escaped = [0] * len(indexes), []
        for index, (offset, frequencies) in enumerate(tables):
            for position in (p for p, i in enumerate(indexes) if i == index):
                column = self.column(frequencies) if len(frequencies) > 1 else 0
                symbols[position] = offset + column
                if len(frequencies) > 1 and column == len(frequencies) - 1:
                    escaped.append((position, offset, offset + column - 1))
        exponents = [self.column(ESCAPE_EXPONENTS) + 1 for _ in escaped]
        for exponent, (position, low, high) in zip(exponents, escaped, strict=True):
            number = 1
            for _ in range(exponent):
                number = 2 * number + self.column([32768, 32768])
            symbols[position] = low - number // 2 if number % 2 else high + number // 2
        return symbols


def plain_modes(decoder, frames, height, width, first):
    """Section 7's modes."""
    number = len(first)
    counts = [
        [first[mode] + 16 * (mode == above) for mode in range(number)]
        for above in range(number + 1)
    ]
    out = []
    for _ in range(frames):
        above, rows = [number] * width, []
        for _ in range(height):
            tables = []
            for row in counts:
                shares = [1 + c * (65535 - number) // sum(row) for c in row]
                shares[row.index(max(row))] += 65535 - sum(shares)
                tables.append((0, [*shares, 1]))
            found = decoder.batch(above, tables)
            for seen, mode in zip(above, found, strict=True):
                counts[seen][mode] += 16
            above = found
            rows.append(found)
        out.append(rows)
    return out


def plain_order(height, width):
    """Section 7's cells after the first: of each turn, (cell, the four around it)."""
    step = 1
    while step < max(height, width):
        step *= 2
    step //= 2
    turns = []
    while step:
        middles, sides = [], []
        for y in range(0, height, step):
            for x in range(0, width, step):
                odd = y // step % 2, x // step % 2
                if odd == (0, 0):
                    continue
                if odd == (1, 1):
                    around = [(-step, -step), (-step, step), (step, -step), (step, step)]
                else:
                    around = [(-step, 0), (step, 0), (0, -step), (0, step)]
                four = []
                for down, right in around:
                    places = [
                        (y + down, x + right),
                        (y - down, x - right),
                        (y - step * odd[0], x - step * odd[1]),
                    ]
                    four.append(next(p for p in places if 0 <= p[0] < height and 0 <= p[1] < width))
                (middles if odd == (1, 1) else sides).append(((y, x), four))
        for cells in (middles, sides):
            size = max(384, -(-len(cells) // 2))
            turns += [cells[k : k + size] for k in range(0, len(cells), size)]
        step //= 2
    return turns


def plain_vectors(decoder, frames, height, width, fields):
    """Section 7's vectors."""

    def shares_of(counts):
        free = 65536 - len(counts)
        shares = [1 + count * free // sum(counts) for count in counts]
        shares[counts.index(max(counts))] += 65536 - sum(shares)
        return shares

    counts = [{}, {}]
    for kind, decay in enumerate((1, 5, 20, 45, 80, 120, 170, 210, 235)):
        falls = [1 << 24]
        while len(falls) < 17:
            falls.append(falls[-1] * decay // 256)
        row = [*falls[15:0:-1], *falls[:16], 2 * falls[16]]
        for axis in counts:
            for across in range(3):
                axis[kind, across] = [1 + 512 * fall // sum(row) for fall in row]
    same_counts = {kind: [128, 32, 32, 32, 32, 0] for kind in (6, 7, 8)}

    def read(keys, table_of):
        order = sorted(set(keys))
        return decoder.batch([order.index(key) for key in keys], [table_of(key) for key in order])

    out = []
    for _ in range(frames):
        told = []
        for _ in range(fields):
            (odd,) = decoder.batch([0], [(0, shares_of([1, 1, 0]))])
            field = {}
            for turn in [[((0, 0), None)], *plain_order(height, width)]:
                guesses, kinds = [], []
                for _, four in turn:
                    seen = [field[place] for place in four] if four else [(0, 0)] * 4
                    parts = [sorted(part) for part in zip(*seen, strict=True)]
                    apart = sum(d - a + 3 * (c - b) for a, b, c, d in parts) // 2
                    guesses.append([(b + c + 1) // 2 for _, b, c, _ in parts])
                    kinds.append(sum(apart >= n for n in (1, 2, 3, 5, 9, 17, 33, 65)))
                asked = [n for n, kind in enumerate(kinds) if kind >= 6]
                keys = [kinds[n] for n in asked]
                found = read(keys, lambda key: (0, shares_of(same_counts[key])))
                left = dict.fromkeys(range(len(turn)))
                for n, key, which in zip(asked, keys, found, strict=True):
                    same_counts[key][which] += 32
                    if which:
                        field[turn[n][0]] = field[turn[n][1][which - 1]]
                        del left[n]
                across = dict.fromkeys(left, 0)
                vectors = {n: [] for n in left}
                for axis, own in enumerate(counts):
                    keys = [(kinds[n], across[n]) for n in left]
                    found = read(keys, lambda key, own=own: (-15, shares_of(own[key])))
                    for n, key, apart in zip(left, keys, found, strict=True):
                        own[key][apart + 15 if abs(apart) <= 15 else 31] += 32
                        vectors[n].append(guesses[n][axis] + apart)
                        across[n] = min(abs(apart), 2)
                field |= {turn[n][0]: tuple(vector) for n, vector in vectors.items()}
            scale = 1 if odd else 2
            told.append({place: [scale * part for part in own] for place, own in field.items()})
        out.append(
            [
                [[part for field in told for part in field[y, x]] for x in range(width)]
                for y in range(height)
            ]
        )
    return out
