/* The heat equation by FTCS as one writes it in C: two buffers in turn, OpenMP over the first axis.

   u and v have shape n, one layer of ghosts on every side included, C order; REAL is float or double.  alpha, of the
   same shape, is NULL where it is 1 everywhere; else a face's is the mean of its two cells'.  u's ghosts are filled. */
#include <stddef.h>

#define AT2(a, i, j) a[(size_t)(i) * m + (j)]
#define AT3(a, i, j, k) a[((size_t)(i) * n + (j)) * m + (k)]
#define FLUX2(i1, j1) ((AT2(a, i, j) + AT2(a, i1, j1)) * (AT2(u, i1, j1) - AT2(u, i, j)))
#define FLUX3(i1, j1, k1) ((AT3(a, i, j, k) + AT3(a, i1, j1, k1)) * (AT3(u, i1, j1, k1) - AT3(u, i, j, k)))

static void row2(const REAL *restrict u, REAL *restrict v, long i, long from, long to, long m, REAL ratio) {
    for (long j = from; j < to; j++) {
        REAL around = AT2(u, i - 1, j) + AT2(u, i + 1, j) + AT2(u, i, j - 1) + AT2(u, i, j + 1);
        AT2(v, i, j) = AT2(u, i, j) + ratio * (around - 4 * AT2(u, i, j));
    }
}

static void row2_field(const REAL *restrict u, const REAL *restrict a, REAL *restrict v, long i, long from, long to,
                       long m, REAL ratio) {
    for (long j = from; j < to; j++) {
        REAL fluxes = FLUX2(i - 1, j) + FLUX2(i + 1, j) + FLUX2(i, j - 1) + FLUX2(i, j + 1);
        AT2(v, i, j) = AT2(u, i, j) + ratio / 2 * fluxes;
    }
}

static void step2(const REAL *u, const REAL *a, REAL *v, const long *shape, REAL ratio) {
    long l = shape[0], m = shape[1];
    #pragma omp for schedule(static)
    for (long i = 1; i < l - 1; i++) {
        if (a) row2_field(u, a, v, i, 1, m - 1, m, ratio); else row2(u, v, i, 1, m - 1, m, ratio);
        AT2(v, i, 0) = -AT2(v, i, 1);
        AT2(v, i, m - 1) = -AT2(v, i, m - 2);
    }
    #pragma omp for schedule(static)
    for (long j = 0; j < m; j++) {
        AT2(v, 0, j) = -AT2(v, 1, j);
        AT2(v, l - 1, j) = -AT2(v, l - 2, j);
    }
}

static void row3(const REAL *restrict u, REAL *restrict v, long i, long j, long n, long m, REAL ratio) {
    for (long k = 1; k < m - 1; k++) {
        REAL around = AT3(u, i - 1, j, k) + AT3(u, i + 1, j, k) + AT3(u, i, j - 1, k)
                    + AT3(u, i, j + 1, k) + AT3(u, i, j, k - 1) + AT3(u, i, j, k + 1);
        AT3(v, i, j, k) = AT3(u, i, j, k) + ratio * (around - 6 * AT3(u, i, j, k));
    }
}

static void row3_field(const REAL *restrict u, const REAL *restrict a, REAL *restrict v, long i, long j, long n, long m,
                       REAL ratio) {
    for (long k = 1; k < m - 1; k++) {
        REAL fluxes = FLUX3(i - 1, j, k) + FLUX3(i + 1, j, k) + FLUX3(i, j - 1, k)
                    + FLUX3(i, j + 1, k) + FLUX3(i, j, k - 1) + FLUX3(i, j, k + 1);
        AT3(v, i, j, k) = AT3(u, i, j, k) + ratio / 2 * fluxes;
    }
}

static void step3(const REAL *u, const REAL *a, REAL *v, const long *shape, REAL ratio) {
    long l = shape[0], n = shape[1], m = shape[2];
    #pragma omp for schedule(static)
    for (long i = 1; i < l - 1; i++) {
        for (long j = 1; j < n - 1; j++) {
            if (a) row3_field(u, a, v, i, j, n, m, ratio); else row3(u, v, i, j, n, m, ratio);
            AT3(v, i, j, 0) = -AT3(v, i, j, 1);
            AT3(v, i, j, m - 1) = -AT3(v, i, j, m - 2);
        }
        for (long k = 0; k < m; k++) {
            AT3(v, i, 0, k) = -AT3(v, i, 1, k);
            AT3(v, i, n - 1, k) = -AT3(v, i, n - 2, k);
        }
    }
    #pragma omp for schedule(static)
    for (long j = 0; j < n; j++)
        for (long k = 0; k < m; k++) {
            AT3(v, 0, j, k) = -AT3(v, 1, j, k);
            AT3(v, l - 1, j, k) = -AT3(v, l - 2, j, k);
        }
}

/* The answer is in u after an even number of steps, else in v. */
void march(REAL *u, REAL *v, const REAL *alpha, int ndim, const long *shape, long steps, double ratio, int threads) {
    #pragma omp parallel num_threads(threads)
    for (long s = 0; s < steps; s++) {
        REAL *from = s % 2 ? v : u, *to = s % 2 ? u : v;
        if (ndim == 2) step2(from, alpha, to, shape, (REAL)ratio); else step3(from, alpha, to, shape, (REAL)ratio);
    }
}
