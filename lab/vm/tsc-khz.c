// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print the rate of this machine's TSC in kHz.
 *
 * Without KVM the guest's TSC is the host's. A guest kernel that is left to
 * measure it against an emulated timer, on a host which is busy, can be wrong by
 * a factor of ten, and its time then runs as much too fast.
 */
#include <stdio.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>

#define SLEEP_NS	100000000L

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* a reading of both clocks, the one of several which took the shortest */
static void read_both(long long *ns, unsigned long long *tsc)
{
	long long shortest = -1;

	for (int i = 0; i < 100; i++) {
		long long before = now();
		unsigned long long ticks = __rdtsc();
		long long took = now() - before;

		if (shortest < 0 || took < shortest) {
			shortest = took;
			*ns = before + took / 2;
			*tsc = ticks;
		}
	}
}

int main(void)
{
	unsigned long long tsc0, tsc1;
	long long ns0, ns1;

	read_both(&ns0, &tsc0);
	nanosleep(&(struct timespec){ .tv_nsec = SLEEP_NS }, NULL);
	read_both(&ns1, &tsc1);
	printf("%.0f\n", (tsc1 - tsc0) * 1e6 / (ns1 - ns0));
	return 0;
}
#else
/* QEMU counts nanoseconds where there is no TSC */
int main(void)
{
	puts("1000000");
	return 0;
}
#endif
