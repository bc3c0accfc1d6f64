// SPDX-License-Identifier: GPL-2.0-only
/*
 * Some kfuncs, listed as the kernel's BTF_ID_FLAGS() does, for toolchain.sh to
 * see whether pahole finds them. With SPLIT each has a part that is rarely run
 * in a symbol of its own, as compilers do it.
 */

#ifdef SPLIT
#define COLD(name)							\
	asm(".pushsection .text\n"					\
	    ".type " #name ".cold, @function\n"				\
	    #name ".cold: nop\n"					\
	    ".size " #name ".cold, 1\n"					\
	    ".popsection")
#else
#define COLD(name)	asm("")
#endif

#define KFUNC(name)							\
	__attribute__((used, noipa)) int name(int x) { return x; }	\
	COLD(name);							\
	asm(".pushsection .BTF_ids, \"a\"\n"				\
	    ".type __BTF_ID__func__" #name "__1, @object\n"		\
	    ".size __BTF_ID__func__" #name "__1, 4\n"			\
	    "__BTF_ID__func__" #name "__1: .long 0, 0\n"		\
	    ".popsection")

asm(".pushsection .BTF_ids, \"a\"\n"
    ".type __BTF_ID__set8__kfuncs, @object\n"
    ".size __BTF_ID__set8__kfuncs, 40\n"
    "__BTF_ID__set8__kfuncs: .long 4, 1\n"
    ".popsection");
KFUNC(kfunc1);
KFUNC(kfunc2);
KFUNC(kfunc3);
KFUNC(kfunc4);
