"""Products of small matrices, whose sums are held in vector registers.

BLAS copies blocks of both matrices before it multiplies them, which pays for large
matrices only. Here the result C is made in *panels* of as many columns as 64 bytes
hold, and a panel in *tiles* of a few rows, whose sums stay in registers while a block
of terms is added up. The functions are written in LLVM's language, as Numba's has no
vectors; LLVM translates its vectors into those of the machine.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skgd.kernels.machine.numba_private import cgutils

# Bytes of a row of a panel. The columns that remain make narrower panels, down to one
# column.
PANEL = 64
# BLOCK is the number of terms that are added up in one go. That many rows of B, as wide
# as the panel, are copied next to each other, unless C has less than FEW_ROWS rows:
# where they are in B, they would push one another out of the cache (128 x 256 x 257 in
# float64 ran at 24 GFLOP/s without copies and 36 with them, measured).
BLOCK, FEW_ROWS = 128, 16

SIZE, INDEX, FLAG = ir.IntType(64), ir.IntType(32), ir.IntType(1)


@intrinsic
def small_product(typingctx, m, n, k, a, row, step, b, transposed, ldb, beta, c, ldc):
    """Do ``C = A @ B + beta * C``, with beta 0 or 1.

    The element A[i, l] is ``a[i * row + l * step]``; `transposed` says whether the
    array b holds the transpose of B. All other arguments are those of `gemm`.
    """
    size, flag = types.intp, types.boolean
    kinds = size, size, size, a, size, size, b, flag, size, beta, c, size

    def codegen(context, builder, signature, values):
        scalar = context.get_value_type(signature.args[-2].dtype)
        flat = scalar.as_pointer()
        values = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        values[7] = builder.trunc(values[7], FLAG)
        arguments = [SIZE, SIZE, SIZE, flat, SIZE, SIZE, flat, FLAG, SIZE]
        kind = ir.FunctionType(ir.VoidType(), [*arguments, scalar, flat, SIZE])
        product = _function(builder, f"skgd_product_{scalar}", kind, _product)
        builder.call(product, values)
        return context.get_dummy_value()

    return types.void(*kinds), codegen


def _function(builder, name, kind, write, *settings):
    """Return a function of the LLVM module; `write` writes its body the first time."""
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    if function.is_declaration:
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.attributes.add("optsize")
        inside = ir.IRBuilder(function.append_basic_block())
        write(inside, *settings, *function.args)
        inside.ret_void()
    return function


def _bytes(scalar):
    return 8 if isinstance(scalar, ir.DoubleType) else 4


def _at(builder, vector, array, offset):
    """Return the address of a vector in an array, aligned as the array's elements."""
    return builder.bitcast(builder.gep(array, [offset]), vector.as_pointer())


def _product(builder, m, n, k, a, row, step, b, transposed, ldb, beta, c, ldc):
    """Write the loop over panels of full width, then narrower ones for the rest.

    The number of columns that remain is a sum of powers of two: each has a panel.
    """
    scalar = beta.type

    def panel(lanes, j):
        b_at = builder.gep(b, [builder.select(transposed, builder.mul(j, ldb), j)])
        c_at = builder.gep(c, [j])
        arguments = m, k, a, row, step, b_at, transposed, ldb, beta, c_at, ldc
        kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
        name = f"skgd_panel_{scalar}_{lanes}"
        vector = ir.VectorType(scalar, lanes)
        builder.call(_function(builder, name, kind, _panel, vector), arguments)

    lanes = PANEL // _bytes(scalar)
    done = builder.sub(n, builder.srem(n, SIZE(lanes)))
    with cgutils.for_range_slice(builder, SIZE(0), done, SIZE(lanes)) as (j, _):
        panel(lanes, j)
    while lanes > 1:
        lanes //= 2
        remains = builder.and_(n, SIZE(lanes))
        with builder.if_then(builder.icmp_signed("!=", remains, SIZE(0))):
            panel(lanes, done)
        done = builder.add(done, remains)


def _panel(builder, vector, m, k, a, row, step, b, transposed, ldb, beta, c, ldc):
    """Write the loop over blocks of terms: copy rows of B, then add up all tiles."""
    packed = builder.alloca(vector, BLOCK)
    is_few = builder.icmp_signed("<", m, SIZE(FEW_ROWS))
    packs = builder.or_(transposed, builder.not_(is_few))
    with cgutils.for_range_slice(builder, SIZE(0), k, SIZE(BLOCK)) as (low, _):
        rest = builder.sub(k, low)
        is_last = builder.icmp_signed("<", rest, SIZE(BLOCK))
        n = builder.select(is_last, rest, SIZE(BLOCK))
        own = builder.select(transposed, low, builder.mul(low, ldb))
        b_block = builder.gep(b, [own])
        with builder.if_then(transposed):
            _pack(builder, vector, packed, n, b_block, SIZE(1), ldb)
        with builder.if_then(builder.and_(packs, builder.not_(transposed))):
            _pack(builder, vector, packed, n, b_block, ldb, None)
        copied = builder.bitcast(packed, b.type)
        b_block = builder.select(packs, copied, b_block)
        stride = builder.select(packs, SIZE(vector.count), ldb)
        is_first = builder.icmp_signed("==", low, SIZE(0))
        factor = builder.select(is_first, beta, beta.type(1.0))
        a_block = builder.gep(a, [builder.mul(low, step)])
        _tiles(
            *(builder, vector, m, n, a_block, row, step, b_block, stride),
            *(factor, c, ldc),
        )


def _pack(builder, vector, packed, n, b, next_row, next_column):
    """Write the loop that copies `n` rows of B, as wide as a panel.

    With `next_column`, elements are copied one by one: a row's are not adjacent then.
    """
    align = _bytes(vector.element)
    with cgutils.for_range(builder, n) as loop:
        start = builder.mul(loop.index, next_row)
        if next_column is None:
            value = builder.load(_at(builder, vector, b, start), align=align)
        else:
            value = ir.Constant(vector, ir.Undefined)
            for j in range(vector.count):
                offset = builder.add(start, builder.mul(SIZE(j), next_column))
                element = builder.load(builder.gep(b, [offset]))
                value = builder.insert_element(value, element, INDEX(j))
        builder.store(value, builder.gep(packed, [loop.index]), align=align)


def _tiles(builder, vector, m, k, a, row, step, b, ldb, beta, c, ldc):
    """Write the loop over tiles, then a tile of the rows that remain.

    A multiply-add takes four cycles, and two can begin in each cycle: so a core is busy
    if eight sums are under way. With vectors of 32 bytes, four rows of a full panel are
    eight sums; they take half of the registers. A narrow panel has tiles of eight rows.
    """
    tile = vector, k, a, row, step, b, ldb, beta, c, ldc
    is_narrow = vector.count * _bytes(vector.element) <= PANEL // 2
    start = SIZE(0)
    for n_rows in (8, 4) if is_narrow else (4,):
        rest = builder.srem(builder.sub(m, start), SIZE(n_rows))
        stop = builder.sub(m, rest)
        slices = cgutils.for_range_slice(builder, start, stop, SIZE(n_rows))
        with slices as (i, _):
            _tile(builder, n_rows, i, *tile)
        start = stop
    for n_rows in (3, 2, 1):
        with builder.if_then(builder.icmp_signed("==", rest, SIZE(n_rows))):
            _tile(builder, n_rows, start, *tile)


def _tile(builder, n_rows, i, vector, k, a, row, step, b, ldb, beta, c, ldc):
    """Write the sums of a tile: rows `i` to ``i + n_rows`` of a panel."""
    align, zero = _bytes(vector.element), ir.Constant(vector, [0.0] * vector.count)
    numbers = [builder.add(i, SIZE(r)) for r in range(n_rows)]
    starts = [builder.gep(a, [builder.mul(number, row)]) for number in numbers]
    sums = [cgutils.alloca_once(builder, vector) for _ in numbers]
    for total in sums:
        builder.store(zero, total)
    with cgutils.for_range(builder, k) as loop:
        place = _at(builder, vector, b, builder.mul(loop.index, ldb))
        terms = builder.load(place, align=align)
        offset = builder.mul(loop.index, step)
        for start, total in zip(starts, sums, strict=True):
            factor = _in_all_lanes(
                builder, vector, builder.load(builder.gep(start, [offset]))
            )
            term = builder.fmul(factor, terms, flags=["contract"])
            added = builder.fadd(builder.load(total), term, flags=["contract"])
            builder.store(added, total)
    keeps = builder.fcmp_ordered("!=", beta, beta.type(0.0))
    for number, total in zip(numbers, sums, strict=True):
        place = _at(builder, vector, c, builder.mul(number, ldc))
        value = builder.load(total)
        both = builder.fadd(value, builder.load(place, align=align))
        builder.store(builder.select(keeps, both, value), place, align=align)


def _in_all_lanes(builder, vector, value):
    first = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(first, value, INDEX(0))
    mask = ir.Constant(ir.VectorType(INDEX, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, first, mask)
