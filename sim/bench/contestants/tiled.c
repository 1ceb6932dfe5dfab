/* The same loop, blocked in time, as one may write it in C with more patience: split tiling.

   Along each of the first two axes a round of `depth` steps has two phases.  In the first each tile of `side` cells is
   stepped by itself and loses a cell at both ends with every step, for want of what its neighbours have; in the second
   what was lost around each seam is made up for, two cells more with every step.  Of two axes there are four phases, in
   each of which all tiles may go at once.  Two buffers in turn do: what a seam still needs is never overwritten. */
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("prefer-vector-width=512") /* left alone, gcc takes half of it */
#endif
#include "march.c"

typedef struct { long from, to; } Range;

/* The cells of a tile, or of the seam before it, at a step of a round, of `cells` that count from 1. */
static Range range_of(long tile, int seam, long step, long side, long cells) {
    long begin = tile * side, end = begin + side < cells ? begin + side : cells;
    Range r;
    if (seam) r.from = begin - step, r.to = begin + step;
    else r.from = begin + (begin > 0 ? step : 0), r.to = end - (end < cells ? step : 0);
    if (r.to > cells) r.to = cells;
    r.from++, r.to++;
    return r;
}

static void cells2(const REAL *u, const REAL *a, REAL *v, const long *shape, Range y, Range x, REAL ratio) {
    long l = shape[0], m = shape[1];
    for (long i = y.from; i < y.to; i++) {
        if (a) row2_field(u, a, v, i, x.from, x.to, m, ratio); else row2(u, v, i, x.from, x.to, m, ratio);
        if (x.from == 1) AT2(v, i, 0) = -AT2(v, i, 1);
        if (x.to == m - 1) AT2(v, i, m - 1) = -AT2(v, i, m - 2);
        if (i == 1) for (long j = x.from; j < x.to; j++) AT2(v, 0, j) = -AT2(v, 1, j);
        if (i == l - 2) for (long j = x.from; j < x.to; j++) AT2(v, l - 1, j) = -AT2(v, l - 2, j);
    }
}

static void cells3(const REAL *u, const REAL *a, REAL *v, const long *shape, Range z, Range y, REAL ratio) {
    long l = shape[0], n = shape[1], m = shape[2];
    for (long i = z.from; i < z.to; i++)
        for (long j = y.from; j < y.to; j++) {
            if (a) row3_field(u, a, v, i, j, n, m, ratio); else row3(u, v, i, j, n, m, ratio);
            AT3(v, i, j, 0) = -AT3(v, i, j, 1);
            AT3(v, i, j, m - 1) = -AT3(v, i, j, m - 2);
            if (j == 1) for (long k = 1; k < m - 1; k++) AT3(v, i, 0, k) = -AT3(v, i, 1, k);
            if (j == n - 2) for (long k = 1; k < m - 1; k++) AT3(v, i, n - 1, k) = -AT3(v, i, n - 2, k);
            if (i == 1) for (long k = 1; k < m - 1; k++) AT3(v, 0, j, k) = -AT3(v, 1, j, k);
            if (i == l - 2) for (long k = 1; k < m - 1; k++) AT3(v, l - 1, j, k) = -AT3(v, l - 2, j, k);
        }
}

/* The answer is in u after an even number of steps, else in v.  Each of `sides` is at least 2 * depth. */
void march_tiled(REAL *u, REAL *v, const REAL *alpha, int ndim, const long *shape, long steps, double ratio, int threads,
                 const long *sides, long depth) {
    long cells0 = shape[0] - 2, cells1 = shape[1] - 2;
    long tiles0 = (cells0 + sides[0] - 1) / sides[0], tiles1 = (cells1 + sides[1] - 1) / sides[1];
    #pragma omp parallel num_threads(threads)
    for (long begin = 0; begin < steps; begin += depth)
        for (int phase = 0; phase < 4; phase++) {
            int seam0 = phase / 2, seam1 = phase % 2;
            #pragma omp for collapse(2) schedule(dynamic)
            for (long t0 = seam0; t0 < tiles0; t0++)
                for (long t1 = seam1; t1 < tiles1; t1++)
                    for (long s = begin; s < steps && s < begin + depth; s++) {
                        REAL *from = s % 2 ? v : u, *to = s % 2 ? u : v;
                        Range r0 = range_of(t0, seam0, s - begin, sides[0], cells0);
                        Range r1 = range_of(t1, seam1, s - begin, sides[1], cells1);
                        if (ndim == 2) cells2(from, alpha, to, shape, r0, r1, (REAL)ratio);
                        else cells3(from, alpha, to, shape, r0, r1, (REAL)ratio);
                    }
        }
}
