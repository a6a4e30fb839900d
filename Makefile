# limn: build, test, measure. `make help` lists the targets.
#
# Overrides: CC= (gcc, clang), BLAS= (openblas, none), BLAS_SONAME= (empty: link it), ARCH= (x86_64, aarch64), BUILD=
# (build folder), WERROR=1 (warnings are errors), SANITIZE= (address,undefined or thread), RUNNER= (program that runs
# the C tests, such as an emulator), PYTESTS= (files of tests/python, for check-python), V=1 (print the commands).

CC    ?= cc
BLAS  ?= openblas
ARCH  ?= $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
BUILD ?= build

# Some are for GCC only. Format strings need not be literals, because the columns of a report have their own formats.
# Arithmetic of enumeration constants and floating-point numbers is meant.
WARN   = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
         -Wredundant-decls -Wvla -Walloca -Wundef -Wunused-macros -Wwrite-strings -Wpointer-arith -Wdate-time \
         -Wformat=2 -Wno-format-nonliteral -Wformat-signedness -Wduplicated-cond -Wduplicated-branches -Wlogical-op \
         -Wno-unknown-warning-option -Wno-enum-float-conversion $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
# Stop at a stack overrun; make relocations read-only (LIBS). Kernels have no stack protector (SIMD_RULE).
# _FORTIFY_SOURCE is not used, because it would bypass the wrappers that make calls fail in the tests (WRAPPED).
HARDEN = -fstack-protector-strong
# The same objects make the program and the shared library. No program replaces a function of limn, so that the compiler
# may treat it as a function of a program.
SHARE  = -fPIC -fno-semantic-interposition
THREADS = $(if $(filter wasi,$(SYSTEM)),,-pthread)
# 64-bit file sizes on 32-bit systems. Elsewhere it would give open and others other names, and tests wrap these.
LARGE_FILES_posix = $(if $(findstring 64,$(ARCH)),,-D_FILE_OFFSET_BITS=64)
# GCC's C11 mode does not fuse a * b + c into one rounding; clang does by default, where the CPU can. With it off, all
# systems get the same bits (engine/base/maths.h). The kernels turn it on (SIMD_RULE).
FLAGS  = -std=c11 -D_GNU_SOURCE $(LARGE_FILES_$(SYSTEM)) -ffp-contract=off $(THREADS) -MMD -MP -I. $(WARN) $(CFLAGS) \
         $(HARDEN) $(SHARE) \
         $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# OpenBLAS is loaded at run time, by the name in its shared library (layers/gemm.c says why). If there is only a static
# library, or with BLAS_SONAME=, it is linked. BLAS=none builds without it.
ifeq ($(BLAS),none)
OMITTED      = layers/gemm.c
BLAS_SONAME  =
BLAS_LIBS    =
else
OMITTED      = layers/gemm_none.c
BLAS_SONAME := $(shell LC_ALL=C readelf -d "$$($(CC) -print-file-name=lib$(BLAS).so)" 2>/dev/null | \
                 sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
BLAS_LIBS    = $(if $(BLAS_SONAME),,-l$(BLAS))
endif
LIBS   = $(LIBS_$(SYSTEM))
EXE    = $(EXE_$(SYSTEM))
EXE_windows = .exe
EXE_wasi    = -cli.wasm
SCRIPTS = $(BUILD)/limn-fetch $(BUILD)/limn-convert
LIBS_posix = $(BLAS_LIBS) -lm -ldl -pthread -Wl,-z,relro,-z,now

# Kernels written with vector extensions (layers/simd_*.c) are compiled once for each instruction set, and for these
# files only with multiply-add contraction: without it they have half the peak.
ISAS_x86_64     = baseline avx2 avx512
ISAS_aarch64    = baseline neon
ISAS            = $(or $(ISAS_$(ARCH)),baseline)
ISA_FLAGS_avx2  = -mavx2 -mfma
ISA_FLAGS_avx512 = -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
# Products of bf16 parts: by AVX512-BF16, and by AMX. The other kernels of these sets are those of avx512.
# On Windows limn is not permitted AMX, and GCC 12's intrinsics for it have strides of 32 bits there.
ISA_FLAGS_amx   = $(ISA_FLAGS_avx512) $(if $(filter windows,$(SYSTEM)),,-mamx-tile -mamx-bf16)
BF16_x86_64     = $(patsubst %.c,$(BUILD)/%.amx.o,$(wildcard layers/simd_tiles.c))
# GCC's scheduling before register allocation moves all loads of a step to the front; the sums then no longer fit into
# the registers. Clang does not need the flag and ignores it.
ISA_FLAGS_neon  = -fno-schedule-insns -Wno-ignored-optimization-argument

# C files at every depth.
FOLDERS := $(wildcard engine layers weights apps tests)
SOURCES := $(sort $(shell find $(FOLDERS) -name '*.c'))
HEADERS := $(sort $(shell find $(FOLDERS) -name '*.h'))
SIMD    = $(wildcard layers/simd_*.c)
# The system for which the compiler compiles: the files engine/base/system_SYSTEM*.c.
MACHINE := $(shell $(CC) -dumpmachine)
SYSTEM  := $(if $(findstring mingw,$(MACHINE)),windows,$(if $(findstring wasi,$(MACHINE)),wasi,posix))
# A page has no files: `make wasm` links it with a file of its own.
PAGE_SYSTEM   = engine/base/system_wasi_page.c
OTHER_SYSTEMS = $(PAGE_SYSTEM) \
                $(filter-out $(wildcard engine/base/system_$(SYSTEM)*.c),$(wildcard engine/base/system_*.c))
LIBRARY = $(filter-out $(SIMD) $(OMITTED) $(OTHER_SYSTEMS),$(filter layers/% weights/% engine/%,$(SOURCES)))
APPS    = $(filter apps/cli/%,$(SOURCES))
TESTS   = $(wildcard tests/test_*.c)

object  = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIBRARY_OBJECTS = $(call object,$(LIBRARY)) $(foreach isa,$(ISAS),$(patsubst %.c,$(BUILD)/%.$(isa).o,$(SIMD))) \
                  $(BF16_$(ARCH))
TEST_PROGRAMS   = $(patsubst tests/%.c,$(BUILD)/%,$(TESTS))
FUZZ_TARGETS    = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS         = $(FUZZ_TARGETS:%=$(BUILD)/replay_%)
FUZZERS         = $(FUZZ_TARGETS:%=$(BUILD)/fuzz_%)
RUNS            = $(TEST_PROGRAMS:%=run-%) $(REPLAYS:%=run-%)
# The first Python with NumPy: python3 may be a version manager's, without Debian's packages.
PYTHON ?= $(firstword $(foreach p,python3 /usr/bin/python3,$(shell $(p) -c 'import numpy' 2>/dev/null && echo $(p))) python3)
TIDY_READS = .clang-tidy tests/.clang-tidy $(HEADERS)
say     = @$(if $(V),,printf '  %-4s %s\n' $(1) $(2);) set -e; $(if $(V),set -x;)

# With -j, print the output of each target in one piece.
MAKEFLAGS += --output-sync=target

# Of make macos-check.
MACOS = aarch64 x86_64

.DELETE_ON_ERROR:
.PHONY: all install uninstall dist deb bundled wheel wheel-windows sdist static macos-check $(MACOS:%=macos-%) windows \
        wasm page test-systems demo test test-full check-c check-python check-rooms check-kernels aarch64 asan tsan fuzz \
        fuzz-coverage fuzzers replays soak valgrind bench bench-peers evaluate tidy format format-check clean help \
        FORCE $(RUNS) $(PYTESTS:%=run-%)
.SECONDARY:

all: $(BUILD)/limn$(EXE) $(SCRIPTS)  ## build the program

$(BUILD)/limn$(EXE): $(call object,$(APPS)) $(BUILD)/liblimn.a
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/liblimn.a: $(LIBRARY_OBJECTS) $(BUILD)/blas
	@rm -f $@
	$(call say,ar,$@) $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc,$<) $(CC) $(FLAGS) -c -o $@ $<

# In stb_image, signed sums overflow on damaged JPEGs; -fwrapv makes the overflow defined. If a JPEG ends within a long
# code, it also shifts zeros by more than 31 bits, which gives zero on every machine; sanitizers ignore this.
$(BUILD)/engine/pictures/stb.o: FLAGS += -fwrapv $(if $(SANITIZE),-fno-sanitize=shift)

# Vectorise the loops over samples, regardless of CFLAGS.
$(BUILD)/engine/pictures/jpeg_enlarge.o $(BUILD)/engine/pictures/jpeg_idct.o: FLAGS += -O3

# The library looks for weights in the folder where `make install` puts them. A different PREFIX= rebuilds this object.
$(BUILD)/engine/run/weights_path.o $(BUILD)/engine/run/weights_path.tidy: \
    FLAGS += -DLIMN_WEIGHTS_FOLDER='"$(WEIGHTSDIR)"'
$(BUILD)/engine/run/weights_path.o: $(BUILD)/weights_folder
$(BUILD)/weights_folder: FORCE
	@mkdir -p $(@D)
	@echo '$(WEIGHTSDIR)' | cmp -s - $@ || echo '$(WEIGHTSDIR)' >$@

# A different BLAS= rebuilds the library.
$(BUILD)/blas: FORCE
	@mkdir -p $(@D)
	@echo '$(BLAS) $(BLAS_SONAME)' | cmp -s - $@ || echo '$(BLAS) $(BLAS_SONAME)' >$@
$(BUILD)/layers/gemm.o: $(BUILD)/blas
$(BUILD)/layers/gemm.o $(BUILD)/layers/gemm.tidy: FLAGS += $(if $(BLAS_SONAME),-DGEMM_LIBRARY='"$(BLAS_SONAME)"')

# Unroll the inner loops and vectorize the result, regardless of CFLAGS; see add_products in conv2d_blocked.c.
$(BUILD)/layers/conv2d_blocked.o: FLAGS += -O3 -fno-tree-vectorize -ftree-slp-vectorize

define SIMD_RULE
$(BUILD)/%.$(1).o: %.c
	@mkdir -p $$(@D)
	$$(call say,cc,'$$< ($(1))') $(CC) $(FLAGS) -fno-stack-protector -ffp-contract=fast $(ISA_FLAGS_$(1)) $(SIMD_FLAGS) \
	    -DISA=$(1) -c -o $$@ $$<

$(BUILD)/%.$(1).tidy: %.c $(TIDY_READS)
	@mkdir -p $$(@D)
	$$(call say,tidy,'$$< ($(1))') clang-tidy --quiet $$< -- $(FLAGS) $(ISA_FLAGS_$(1)) -DISA=$(1) \
	    2>$$@ || { cat $$@; rm $$@; exit 1; }
endef
$(foreach isa,$(ISAS) amx,$(eval $(call SIMD_RULE,$(isa))))

ifeq ($(ARCH),x86_64)
$(BUILD)/layers/bf16_avx512.o $(BUILD)/layers/bf16_avx512.tidy: FLAGS += $(ISA_FLAGS_avx512) -mavx512bf16
endif

# In test programs, tests/support_faults.c wraps these calls and can make them fail.
WRAPPED = aligned_alloc open stat fstat access read pread write close rename renameat2 mkdir opendir readdir \
          pthread_create madvise fchmod realpath readlink sched_getaffinity fopen

$(BUILD)/test_%: $(BUILD)/tests/test_%.o $(call object,$(wildcard tests/support*.c)) $(BUILD)/liblimn.a
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ \
	    $(filter %.o,$^) $(sort $(filter %.a,$^)) -lcmocka $(LIBS)

# These tests run the program itself, with its main renamed to limn_main.
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
$(BUILD)/test_faults $(BUILD)/test_soak: $(BUILD)/tests/trials.o $(BUILD)/tests/limn_main.o $(BUILD)/libapps.a
$(BUILD)/tests/limn_main.o: $(BUILD)/apps/cli/main.o
	@mkdir -p $(@D)
	@$(OBJCOPY) --redefine-sym main=limn_main $< $@

# tests/python/decode_support.py calls it.
DECODER = $(BUILD)/decode_pictures
$(DECODER): $(BUILD)/tests/decode_pictures.o $(BUILD)/liblimn.a
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# The program without main.
$(BUILD)/libapps.a: $(filter-out $(BUILD)/apps/cli/main.o,$(call object,$(APPS)))
	@rm -f $@
	$(call say,ar,$@) $(AR) rcs $@ $^

FUZZ_OBJECTS = $(BUILD)/tests/fuzz/fuzz_%.o $(call object,tests/fuzz/fuzz.c tests/fuzz/pictures.c)
FUZZ_LIBRARIES = $(BUILD)/libapps.a $(BUILD)/liblimn.a
$(BUILD)/replay_%: $(FUZZ_OBJECTS) $(BUILD)/tests/fuzz/replay.o $(FUZZ_LIBRARIES)
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/fuzz_%: $(FUZZ_OBJECTS) $(FUZZ_LIBRARIES)
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# ---- installing --------------------------------------------------------------------------
# DESTDIR= is a prefix of every path and is compiled into no file. Weights are found by name in WEIGHTSDIR, and relative
# to the folders of program and library, so that the installed tree can be moved (engine/run/weights_path.h). ldconfig,
# if the caller may run it, makes the shared library available to programs.
PREFIX       ?= /usr/local
BINDIR       ?= $(PREFIX)/bin
LIBDIR       ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
BASHDIR      ?= $(DATADIR)/bash-completion/completions
ZSHDIR       ?= $(DATADIR)/zsh/site-functions
FISHDIR      ?= $(DATADIR)/fish/vendor_completions.d
WEIGHTSDIR    = $(DATADIR)/limn/weights
TOOLSDIR      = $(DATADIR)/limn/tools
INSTALL      ?= install

# The demo weights have a loss curve; other weights in the folder were fetched.
DEMO_WEIGHTS = $(patsubst %-loss.png,%.safetensors,$(wildcard weights/*-loss.png))

VERSION := $(shell sed -n 's/^.define LIMN_VERSION "\(.*\)"/\1/p' engine/limn.h)
SONAME   = liblimn.so.$(firstword $(subst ., ,$(VERSION)))
SHARED   = liblimn.so.$(VERSION)

$(BUILD)/$(SHARED): $(BUILD)/liblimn.a engine/limn.map
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=engine/limn.map \
	    -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive $(LIBS)

# One object, whose names but limn_* are its own: a program may have a conv2d, or an stb_image, too.
$(BUILD)/static/liblimn.a: $(BUILD)/liblimn.a
	@rm -rf $(@D) && mkdir -p $(@D)
	$(call say,ar,$@) $(CC) -r -nostdlib -o $(@D)/limn.o -Wl,--whole-archive $<; \
	    $(OBJCOPY) --wildcard --keep-global-symbol='limn_*' $(@D)/limn.o; $(AR) rcs $@ $(@D)/limn.o

$(BUILD)/limn.1: $(BUILD)/limn
	$(call say,make,$@) $(RUNNER) $< --manual >$@

$(BUILD)/limn.%: $(BUILD)/limn
	$(call say,make,$@) $(RUNNER) $< --completion $* >$@

# limn-fetch and limn-convert, and the Python programs that they run.
$(SCRIPTS): tools/packaging/tool.sh $(BUILD)/weights_folder
	@sed 's|@TOOLSDIR@|$(TOOLSDIR)|' $< >$@ && chmod 755 $@
TOOLS = tools/fetch.py tools/convert.py tools/checkpoint/catalog.json $(wildcard tools/checkpoint/*.py)

INSTALLED = $(addprefix $(BUILD)/,limn $(SHARED) static/liblimn.a limn.1 limn.bash limn.zsh limn.fish) $(SCRIPTS)
PLACES    = $(BINDIR) $(LIBDIR) $(INCLUDEDIR) $(PKGCONFIGDIR) $(MANDIR)/man1 $(BASHDIR) $(ZSHDIR) $(FISHDIR) \
            $(WEIGHTSDIR) $(TOOLSDIR)/checkpoint

install: $(INSTALLED)         ## install program, tools, libraries, manual, completions, weights (PREFIX=/usr/local, DESTDIR=)
	$(INSTALL) -d $(PLACES:%="$(DESTDIR)%")
	$(INSTALL) -m 755 $(BUILD)/limn $(SCRIPTS) "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 755 $(BUILD)/$(SHARED) "$(DESTDIR)$(LIBDIR)"
	ln -sf $(SHARED) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/liblimn.so"
	$(INSTALL) -m 644 $(BUILD)/static/liblimn.a "$(DESTDIR)$(LIBDIR)"
	$(INSTALL) -m 644 engine/limn.h "$(DESTDIR)$(INCLUDEDIR)"
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|; s|@BLAS_LIBS@|$(BLAS_LIBS)|' engine/limn.pc.in >"$(DESTDIR)$(PKGCONFIGDIR)/limn.pc"
	$(INSTALL) -m 644 $(BUILD)/limn.1 "$(DESTDIR)$(MANDIR)/man1"
	$(INSTALL) -m 644 $(BUILD)/limn.bash "$(DESTDIR)$(BASHDIR)/limn"
	$(INSTALL) -m 644 $(BUILD)/limn.zsh "$(DESTDIR)$(ZSHDIR)/_limn"
	$(INSTALL) -m 644 $(BUILD)/limn.fish "$(DESTDIR)$(FISHDIR)"
	$(INSTALL) -m 644 $(DEMO_WEIGHTS) "$(DESTDIR)$(WEIGHTSDIR)"
	$(INSTALL) -m 644 $(filter-out tools/checkpoint/%,$(TOOLS)) "$(DESTDIR)$(TOOLSDIR)"
	$(INSTALL) -m 644 $(filter tools/checkpoint/%,$(TOOLS)) "$(DESTDIR)$(TOOLSDIR)/checkpoint"
	$(if $(DESTDIR),,ldconfig 2>/dev/null || :)

uninstall:                    ## remove what `make install` with the same PREFIX= and DESTDIR= has installed
	rm -f $(patsubst %,"$(DESTDIR)$(BINDIR)/%",limn limn-fetch limn-convert) $(patsubst %,"$(DESTDIR)$(LIBDIR)/%",$(SHARED) $(SONAME) liblimn.so liblimn.a) \
	    "$(DESTDIR)$(INCLUDEDIR)/limn.h" "$(DESTDIR)$(PKGCONFIGDIR)/limn.pc" "$(DESTDIR)$(MANDIR)/man1/limn.1" \
	    "$(DESTDIR)$(BASHDIR)/limn" "$(DESTDIR)$(ZSHDIR)/_limn" "$(DESTDIR)$(FISHDIR)/limn.fish" \
	    $(DEMO_WEIGHTS:weights/%="$(DESTDIR)$(WEIGHTSDIR)/%") $(TOOLS:tools/%="$(DESTDIR)$(TOOLSDIR)/%")
	rmdir "$(DESTDIR)$(TOOLSDIR)/checkpoint" "$(DESTDIR)$(TOOLSDIR)" "$(DESTDIR)$(WEIGHTSDIR)" "$(DESTDIR)$(DATADIR)/limn" 2>/dev/null || :

dist:                         ## pack the committed sources and the colour page: build/limn-VERSION.tar.gz
	@mkdir -p $(BUILD)
	git archive --prefix=limn-$(VERSION)/ $(PAGE:%=--add-file=%) -o $(BUILD)/limn-$(VERSION).tar.gz HEAD

deb:                          ## make a Debian package: build/limn_VERSION_ARCHITECTURE.deb
	@rm -rf $(BUILD)/deb
	@$(MAKE) --no-print-directory install DESTDIR=$(abspath $(BUILD)/deb/root) PREFIX=/usr \
	    LIBDIR=/usr/lib/$$($(CC) -print-multiarch) ZSHDIR=/usr/share/zsh/vendor-completions >/dev/null
	$(call say,deb,$(BUILD)) sh tools/packaging/deb.sh $(BUILD)/deb $(VERSION) $(if $(BLAS_SONAME),libopenblas0)

# ---- other systems -----------------------------------------------------------------------
# `make static` builds a program that needs no file of the system on which it runs, with musl. For x86-64, musl-gcc is
# Debian's GCC with musl's headers and libraries: the kernels become the same machine code as in the normal build, so
# that the results are the same bytes at the same speed. For other targets there is zig: clang with the headers and
# libraries of many systems, from PyPI unless ZIG= is the path of one. Its kernels may round differently in the last bit.
ZIG ?= $(BUILD)/zig-venv/bin/python-zig
$(BUILD)/zig-venv/bin/python-zig:
	$(call say,pip,ziglang) python3 -m venv $(BUILD)/zig-venv; $(BUILD)/zig-venv/bin/pip install -q ziglang

STATIC_CC_x86_64     = musl-gcc
STATIC_CC_aarch64    = $(ZIG) cc -target aarch64-linux-musl
STATIC_AR_aarch64    = $(ZIG) ar
STATIC_NEEDS_aarch64 = $(ZIG)
STATIC  = $(BUILD)/linux-$(ARCH)
PACKAGE = limn-$(VERSION)-linux-$(ARCH)

# `make windows` builds build/windows/limn.exe with mingw-w64, without OpenBLAS. The program imports the system's own
# libraries only. GCC takes a vector on the stack of 64-bit Windows for aligned to its size, but that stack is aligned
# to 16 bytes (GCC bug 54412): the assembler turns every aligned AVX move into the unaligned one, which is as fast on
# aligned data. Formats are checked in the normal build, because GCC checks them for another C library here.
WINDOWS_CC ?= x86_64-w64-mingw32-gcc
WINDOWS_AR ?= x86_64-w64-mingw32-ar
WINDOWS     = $(BUILD)/windows
WINDOWS_ZIP = $(BUILD)/limn-$(VERSION)-windows-x86_64.zip
LIBS_windows = -static -lm -lshell32 -ladvapi32 -lpsapi

# `make wasm` builds build/wasm/limn.wasm, a module for pages, and build/wasm/limn-cli.wasm, the program for WASI. Both
# have one thread and plain SIMD: relaxed SIMD's multiply-add was at most 5% faster. Code of Debian's clang 14 or 16 was
# a quarter slower. Memory ends one page below 4 GB, so that no address overflows. zig puts the stack first: if it
# overflows, the module traps, and no data changes.
WASM_CC ?= $(ZIG) cc -target wasm32-wasi
WASM_AR ?= $(ZIG) ar
WASM     = $(BUILD)/wasm
LIBS_wasi = -lm -Wl,-z,stack-size=1048576 -Wl,--max-memory=4294901760

# What module.h declares, functions of limn.h that JavaScript can call, and the stack for its test.
WASM_EXPORTS = $(shell sed -n 's/^[a-z].*\(limn_[a-z_]*\)\x28.*/\1/p' apps/wasm/module.h) \
               limn_model_free limn_model_name limn_model_metadata limn_model_warning __stack_pointer
PAGE_OBJECTS = $(call object,$(wildcard apps/wasm/*.c) $(PAGE_SYSTEM))
$(BUILD)/limn.wasm: $(PAGE_OBJECTS) $(BUILD)/liblimn.a
	$(call say,link,$@) $(CC) $(FLAGS) $(LDFLAGS) -mexec-model=reactor $(WASM_EXPORTS:%=-Wl,--export=%) -o $@ $^ $(LIBS)

# The headers of stb alone: those beside them in /usr/include are of another C library.
STB_FOLDER ?= /usr/include/stb
$(BUILD)/foreign/stb: $(STB_FOLDER)
	@mkdir -p $(@D)
	@ln -sfn $< $@

static: $(BUILD)/foreign/stb $(STATIC_NEEDS_$(ARCH))  ## pack a static program for Linux with the demo weights (ARCH=)
	+@$(MAKE) --no-print-directory BUILD=$(STATIC) BLAS=none CC="$(STATIC_CC_$(ARCH))" ARCH=$(ARCH) \
	    AR="$(or $(STATIC_AR_$(ARCH)),ar)" CFLAGS="-O2 -isystem $(abspath $(<D))" LDFLAGS="-static -s"
	$(call say,pack,$(BUILD)/$(PACKAGE).tar.gz) sh tools/packaging/archive.sh $(STATIC)/limn $(BUILD)/$(PACKAGE) \
	    "$(PAGE)" $(DEMO_WEIGHTS)

# The colour page, which archives carry; PAGE= leaves it out.
PAGE ?= $(BUILD)/page/limn.html
PAGE_WEIGHTS = weights/siggraph17-photos.safetensors weights/enhancenet.safetensors
page: wasm                    ## make the colour page, build/page/limn.html: open it in a browser
	@mkdir -p $(BUILD)/page
	$(call say,page,$(BUILD)/page/limn.html) $(PYTHON) tools/packaging/page.py apps/page $(WASM)/limn.wasm \
	    $(BUILD)/page/limn.html $(PAGE_WEIGHTS) --version $(VERSION)
ifneq ($(PAGE),)
dist static windows: page
endif

test-systems: all             ## build for every system, compare what the programs write (QUICK=1: once on each)
	ZIG=$(ZIG) $(PYTHON) tests/systems/main.py --build $(BUILD) $(if $(QUICK),--quick)

macos-check: $(MACOS:%=macos-%)  ## check that the program can be built for macOS, with zig; nobody has run it there

$(MACOS:%=macos-%): macos-%: $(BUILD)/foreign/stb $(ZIG)
	+@$(MAKE) --no-print-directory BUILD=$(BUILD)/macos-$* BLAS=none CC="$(ZIG) cc -target $*-macos" ARCH=$* \
	    AR="$(ZIG) ar" SHARE=-fPIC CFLAGS="-O2 -isystem $(abspath $(<D))" LIBS=-lm

WINDOWS_MAKE = BUILD=$(WINDOWS) BLAS=none CC="$(WINDOWS_CC)" AR="$(WINDOWS_AR)" SHARE= WEIGHTSDIR= LDFLAGS=-s \
    CFLAGS="-O2 -isystem $(abspath $(BUILD)/foreign) -Wno-format -Wno-float-conversion -Wa,-muse-unaligned-vector-move"
windows: $(BUILD)/foreign/stb ## build limn.exe for 64-bit Windows, and pack it with the demo weights in a .zip
	+@$(MAKE) --no-print-directory $(WINDOWS_MAKE) all
	$(call say,pack,$(WINDOWS_ZIP)) $(PYTHON) tools/packaging/windows_zip.py $(WINDOWS)/limn.exe $(WINDOWS_ZIP) \
	    "$(PAGE)" $(DEMO_WEIGHTS)

wasm: $(BUILD)/foreign/stb $(ZIG)  ## build limn for WebAssembly: a module for pages, and the program for WASI
	+@$(MAKE) --no-print-directory BUILD=$(WASM) BLAS=none CC="$(WASM_CC)" AR="$(WASM_AR)" ARCH=wasm32 SHARE= HARDEN= \
	    CFLAGS="-O2 -msimd128 -isystem $(abspath $(<D))" LDFLAGS=-s $(WASM)/limn.wasm $(WASM)/limn-cli.wasm

# ---- the Python package ------------------------------------------------------------------
# `make wheel` packs apps/python with a library for Linux with glibc 2.28 or later. For x86-64 the objects are those of
# `make BLAS=none`, so that results are the same bytes, and zig links them with GCC's own library, which tells what the
# CPU has, and with the symbols of the older glibc. For aarch64 zig also compiles.
PYTHON_PACKAGES = $(BUILD)/python
GLIBC    = 2.28
ZIG_LINK = $(ZIG) cc -target $(ARCH)-linux-gnu.$(GLIBC)
WHEEL    = $(BUILD)/wheel-$(ARCH)
WHEEL_CC_x86_64  = $(CC)
WHEEL_AR_x86_64  = $(AR)
WHEEL_GCC_x86_64 = $(shell $(CC) -print-libgcc-file-name)
WHEEL_CC_aarch64 = $(ZIG_LINK)
WHEEL_AR_aarch64 = $(ZIG) ar

# The library in the package, BUNDLED=. LINK= may be a linker for another C library.
LINK    ?= $(CC)
BUNDLED ?= liblimn.so
BUNDLED_FLAGS_liblimn.so    = -shared -Wl,--version-script=engine/limn.map -Wl,-z,defs
BUNDLED_FLAGS_limn.dll      = -shared $(HARDEN)
BUNDLED_FLAGS_liblimn.dylib = -dynamiclib -Wl,-exported_symbol,_limn_*
LIBS_liblimn.dylib          = -lm
bundled: $(BUILD)/bundled/$(BUNDLED)
$(BUILD)/bundled/$(BUNDLED): $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(call say,link,$@) $(LINK) $(LDFLAGS) $(BUNDLED_FLAGS_$(BUNDLED)) -o $@ $^ $(GCC) $(or $(LIBS_$(BUNDLED)),$(LIBS))

wheel: $(BUILD)/foreign/stb $(ZIG)  ## build the Python package for Linux in build/python (ARCH=x86_64 or aarch64)
	+@$(MAKE) --no-print-directory BUILD=$(WHEEL) BLAS=none CC="$(WHEEL_CC_$(ARCH))" ARCH=$(ARCH) LINK="$(ZIG_LINK)" \
	    AR="$(WHEEL_AR_$(ARCH))" CFLAGS="-O2 -isystem $(abspath $(<D))" LDFLAGS=-s GCC="$(WHEEL_GCC_$(ARCH))" bundled
	$(call say,pack,$(PYTHON_PACKAGES)) $(PYTHON) apps/python/backend.py $(PYTHON_PACKAGES) $(WHEEL)/bundled/liblimn.so \
	    manylinux_$(subst .,_,$(GLIBC))_$(ARCH)

wheel-windows: $(BUILD)/foreign/stb  ## build the Python package for 64-bit Windows in build/python
	+@$(MAKE) --no-print-directory $(WINDOWS_MAKE) bundled BUNDLED=limn.dll
	$(call say,pack,$(PYTHON_PACKAGES)) $(PYTHON) apps/python/backend.py $(PYTHON_PACKAGES) $(WINDOWS)/bundled/limn.dll win_amd64

sdist:                        ## pack the sources of the Python package, which pip compiles, in build/python
	$(call say,pack,$(PYTHON_PACKAGES)) STB_FOLDER=$(STB_FOLDER) $(PYTHON) apps/python/backend.py $(PYTHON_PACKAGES)

demo: all                     ## run all networks with demo weights; then open build/demo/index.html
	$(PYTHON) tools/gallery/demo.py --limn $(BUILD)/limn --output $(BUILD)/demo

# Builds before it runs a test: some tests measure time, and those of make install run make in the same folder. Uses all
# cores unless -j is given.
test:                         ## every test
	@$(MAKE) --no-print-directory $(ALL_CORES) $(TEST_PROGRAMS) $(REPLAYS) $(DECODER) $(INSTALLED)
	@$(MAKE) --no-print-directory $(ALL_CORES) check-rooms check-c check-python
ALL_CORES = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check-c: all $(RUNS)          ## the C tests; with -j2 two programs at a time

# With QUICK=1, as in .ci/run: programs that repeat the same code with other failing calls, damaged bytes or sizes, each
# of which `make test` tries with GCC's build, try some of them.
QUICKLY = faults load_bytes
ifdef QUICK
$(QUICKLY:%=run-$(BUILD)/test_%) run-tests/python/test_page.py: export LIMN_TEST_QUICK = 1
endif

$(TEST_PROGRAMS:%=run-%): run-%: %
	@echo "== $<"; $(RUNNER) $<

$(REPLAYS:%=run-%): run-$(BUILD)/replay_%: $(BUILD)/replay_%
	@echo "== $<"; $(RUNNER) $< tests/fuzz/corpus/$*

PYTESTS ?= $(wildcard tests/python/test_*.py)
check-python: $(PYTESTS:%=run-%)  ## the tests of the tools and of the program from outside; with -j2 two files at a time

$(PYTESTS:%=run-%): run-%: $(INSTALLED) $(DECODER)
	@echo "== $*"; LIMN=$(abspath $(BUILD)/limn) $(PYTHON) -m pytest -q -p no:cacheprovider $*

NM ?= $(shell $(CC) -print-prog-name=nm)
check-rooms: all              ## check the dependencies between the folders of C sources: one way, no cycles
	@$(PYTHON) tests/check_rooms.py $(BUILD) --nm $(NM)

OBJDUMP ?= $(shell $(CC) -print-prog-name=objdump)
check-kernels: $(BUILD)/liblimn.a  ## check the machine code of the kernels' inner loops
	$(PYTHON) tests/check_kernels.py $(BUILD) --objdump $(OBJDUMP)

# Under qemu 7.2 a process forked by test_faults hangs. QUICK=1 leaves out the slowest programs that run the same code
# on every architecture; the others run all kernels and networks.
programs = $(patsubst %,tests/test_%.c,$(1))
AARCH64_OMITTED = faults $(if $(QUICK),explain forecast load_bytes pipelines pipelines_refuse plan sharing soak)

aarch64:                      ## build for aarch64, run the C tests under qemu, check the kernels (QUICK=1: fewer)
	LIMN_TEST_QUICK=1 $(MAKE) check-kernels check-c TESTS="$(filter-out $(call programs,$(AARCH64_OMITTED)),$(TESTS))" \
	    BUILD=$(BUILD)/aarch64 CC=aarch64-linux-gnu-gcc RUNNER=qemu-aarch64

test-full: all $(BUILD)/$(SHARED) $(DECODER)  ## compare networks and pipelines with PyTorch and upstream libraries, installed if needed
	PYTHON=$(PYTHON) sh tests/full/with_torch.sh tests/full/main.py --limn $(BUILD)/limn

# The bounds of the tests assume fused multiply-adds. GCC makes them with -O2 or with -fexpensive-optimizations; with a
# sanitizer, the latter compiles kernels ten times faster.
SANITIZED = -O1 -g -fexpensive-optimizations

asan:                         ## run the C tests with AddressSanitizer and UndefinedBehaviorSanitizer
	$(MAKE) check-c BUILD=$(BUILD)/asan SANITIZE=address,undefined CFLAGS="$(SANITIZED)"

# The programs that start threads, by the words in their sources. test_layers and nearly all of test_faults run on one
# thread; test_large would need four times its 2 GB.
STARTS_THREADS = test_engine(\|limn_engine_create(\|pool_create(\|pthread_create(\|trial_main(

tsan:                         ## run the C tests that use threads with ThreadSanitizer
	$(MAKE) check-c REPLAYS= QUICKLY="load_bytes bands" BUILD=$(BUILD)/tsan SANITIZE=thread CFLAGS="$(SANITIZED)" \
	    TESTS="$(filter-out $(call programs,layers faults large),$(shell grep -l '$(STARTS_THREADS)' $(TESTS)))"

soak: $(BUILD)/test_soak      ## run all commands repeatedly in one process for SECONDS=3600
	LIMN_SOAK_SECONDS=$(SECONDS) $<
soak: SECONDS = 3600

SECONDS ?= 60
fuzz:                         ## run every fuzz target for SECONDS=60, one per core at a time
	$(MAKE) fuzzers BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined,fuzzer-no-link CFLAGS="-O1 -g" \
	    SIMD_FLAGS="$(SIMD_UNUSED)"
	@{ printf '%s\n' $(FUZZ_TARGETS); \
	    $(PYTHON) tests/fuzz/fuzz_convert.py --prepare $(BUILD)/fuzz --venv $(BUILD)/fuzz-venv; } | \
	    xargs -P "$$(nproc)" -I NAME sh tests/fuzz/run.sh $(BUILD)/fuzz NAME $(SECONDS)

fuzz-coverage:                ## measure the lines and branches of the readers that the fuzzing corpora reach
	$(MAKE) replays BUILD=$(BUILD)/coverage CC=clang CFLAGS="-O1 -g -fprofile-instr-generate -fcoverage-mapping" \
	    SIMD_FLAGS="$(SIMD_UNUSED)"
	@sh tests/fuzz/coverage.sh $(BUILD) $(FUZZ_TARGETS)

# Readers run no kernels, and clang needs minutes to instrument them.
SIMD_UNUSED = -O0 -fno-sanitize=all -fno-profile-instr-generate -fno-coverage-mapping

fuzzers: $(FUZZERS)
replays: $(REPLAYS)

valgrind:                     ## run the C tests under valgrind
	LIMN_TEST_QUICK=1 $(MAKE) check-c \
	    RUNNER="valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite"

BENCH ?= -m enhancenet --size 128x128
bench: all                    ## measure layers and kernels, with charts in build/bench (BENCH= options of limn bench)
	$(BUILD)/limn bench layers $(BENCH)
	@mkdir -p $(BUILD)/bench
	$(BUILD)/limn bench layers $(BENCH) --json >$(BUILD)/bench/layers.json
	$(BUILD)/limn bench kernels --json >$(BUILD)/bench/kernels.json
	-$(PYTHON) tools/plot_bench.py $(BUILD)/bench/layers.json $(BUILD)/bench/kernels.json --venv $(BUILD)/peers-venv

EVALUATE ?= upscale -m enhancenet weights/samples
evaluate: all                 ## measure weights on pictures of yours (EVALUATE="COMMAND -m NAME FOLDER", tools/README.md)
	@$(PYTHON) tools/evaluate.py $(EVALUATE)

BENCH_PEERS = $(PYTHON) tools/bench_peers.py --limn $(BUILD)/limn --output $(BUILD)/peers --venv $(BUILD)/peers-venv
bench-peers: all              ## compare with PyTorch, ONNX Runtime, OpenVINO, ncnn; install them if needed (PEERS=)
	$(BENCH_PEERS) $(PEERS)

bench-layers: all             ## compare single layers with those of the same engines (PEERS=)
	$(BENCH_PEERS) --layers $(PEERS)

# simd_*.c are checked once per instruction set. The checks are in .clang-tidy and .cppcheck. clang-tidy's stderr is
# hidden unless it fails, because it only counts suppressed warnings.
TIDIED = $(call object,$(filter-out layers/% apps/wasm/% tests/systems/% $(OTHER_SYSTEMS),$(SOURCES)) \
                       $(wildcard $(OMITTED))) \
         $(filter $(BUILD)/layers/%,$(LIBRARY_OBJECTS))
# The include path of users' programs.
$(BUILD)/tests/user_program.tidy $(BUILD)/tests/user_tensors.tidy: FLAGS += -Iengine
$(BUILD)/%.tidy: %.c $(TIDY_READS)
	@mkdir -p $(@D)
	$(call say,tidy,$<) clang-tidy --quiet $< -- $(FLAGS) 2>$@ || { cat $@; rm $@; exit 1; }

tidy: $(TIDIED:.o=.tidy)      ## analyse the C sources with clang-tidy and cppcheck
	$(call say,tidy,cppcheck) cppcheck -q -j "$$(nproc)" --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppressions-list=.cppcheck --error-exitcode=1 -I. \
	    -D_GNU_SOURCE -D__x86_64__ -D__AVX512F__ -DISA=avx512 apps engine layers weights tests

FORMATTED = $(SOURCES) $(HEADERS)
format:                       ## format the C sources
	@clang-format -i $(FORMATTED)

format-check:                 ## fail if `make format` would change a file
	@clang-format --dry-run -Werror $(FORMATTED)

clean:                        ## removes the build folder
	rm -rf $(BUILD)

help:                         ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
