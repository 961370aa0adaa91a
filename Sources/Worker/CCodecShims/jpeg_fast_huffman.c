// SPDX-License-Identifier: Apache-2.0
#include "jpeg_fast_huffman.h"

#include "jpeg_codes.h"
#include "jpeg_fast_idct.h"
#include "jpeg_private.h"
#include "jpeg_shortcuts_private.h"

#if JPEG_SHORTCUTS

// So that the reader stays in registers.
#define always_inline inline __attribute__((always_inline))

enum {
    // Below these sizes of the compressed picture libjpeg is done before the tables are made.
    WORTHWHILE = 8 << 10,
    SKIP_WORTHWHILE = 64 << 10,
    // A register of 56 bits is good for five pairs, or four skips.
    SKIP_LOOK = 13,
};

// Two AC symbols with their values, as far as they lie in the next JPEG_LOOK bits.
//
//   0- 4 bits of both          10-17 how far both go on            27 neither: take one symbol by itself
//   5- 9 bits of the first     18-21 zeros before the first        32-47, 48-63 the values
//                              22-26 where the second goes
//
// Without a second one the first is there twice. An end of block goes on by 64, alone or after a first one.
typedef uint64_t pair;

enum { END_GOES = 64, ODD = 1 << 27 };

// The symbol of sixteen zeros. Any other without a value is an end of block.
enum { ZEROS = 0xF0 };

static inline unsigned pair_bits(pair p) { return p & 31; }
static inline unsigned pair_first_bits(pair p) { return p >> 5 & 31; }
static inline unsigned pair_goes(pair p) { return p >> 10 & 255; }
static inline unsigned pair_first_at(pair p) { return p >> 18 & 15; }
static inline unsigned pair_second_at(pair p) { return p >> 22 & 31; }
static inline JCOEF pair_first(pair p) { return (JCOEF)(p >> 32); }
static inline JCOEF pair_second(pair p) { return (JCOEF)(p >> 48); }

// As many AC symbols as lie in the next SKIP_LOOK bits, where nobody wants their values: in the low four bits how many
// bits are theirs, above them how far they go on. An end of block goes on by another SKIP_END, and where there is not
// even one symbol, it is by more than fits into any block.
typedef uint16_t skip;

enum { AC_COUNT = DCTSIZE2 - 1, SKIP_NONE = AC_COUNT + 1, SKIP_END = 2 * SKIP_NONE };

typedef struct {
    jpeg_codes codes;
    pair pairs[1 << JPEG_LOOK];
    skip *skips;  // NULL where values are wanted
} ac_table;

typedef struct {
    const jpeg_codes *dc;
    const ac_table *ac;
    int component;  // in the scan
    int skips_ac;
} block_plan;

typedef struct {
    // First, for this is what libjpeg sees.
    struct jpeg_entropy_decoder public;
    struct jpeg_entropy_decoder *stock;
    const uint8_t *begin;  // of the scan
    size_t size;
    JDIMENSION done, total;  // MCUs
    unsigned interval, before_restart;
    int next_restart;
    int dc[MAX_COMPS_IN_SCAN];
    int blocks;
    block_plan plan[D_MAX_BLOCKS_IN_MCU];
    jpeg_codes *dc_tables[NUM_HUFF_TBLS];
    ac_table *ac_tables[NUM_HUFF_TBLS];
    JBLOCK nobody;  // gets the coefficients that are skipped
    jpeg_bits bits;
} fast_decoder;

// How many bits the symbol that `next` begins with has together with its value; 0 if they are more than `room`.
static unsigned bits_within(const jpeg_codes *codes, uint64_t next, unsigned room, unsigned *symbol) {
    unsigned found = codes->look[next >> (64 - JPEG_LOOK)];
    *symbol = found >> 8;
    unsigned bits = (found & 0xFF) + (*symbol & 15);
    return found && bits <= room ? bits : 0;
}

// The value of that symbol.
static int value_within(uint64_t next, unsigned bits, unsigned symbol) {
    jpeg_reader reader = {.bits = next << (bits - (symbol & 15)), .left = 16};
    return jpeg_take_value(&reader, symbol & 15);
}

static void make_pairs(ac_table *table) {
    for (unsigned i = 0; i < 1 << JPEG_LOOK; i++) {
        uint64_t next = (uint64_t)i << (64 - JPEG_LOOK);
        unsigned symbol, bits = bits_within(&table->codes, next, JPEG_LOOK, &symbol);
        if (!bits || symbol == ZEROS) {
            table->pairs[i] = ODD;
            continue;
        }
        if (!(symbol & 15)) {
            // As any other, with a value of nothing where nothing is yet: the loop needs no look for it.
            table->pairs[i] = bits | bits << 5 | END_GOES << 10;
            continue;
        }
        unsigned first_bits = bits, at = symbol >> 4, goes = at + 1, second_at = at;
        int value = value_within(next, bits, symbol), second_value = value;
        next <<= bits;
        unsigned more = bits_within(&table->codes, next, JPEG_LOOK - bits, &symbol);
        if (more && symbol & 15) {
            second_at = goes + (symbol >> 4);
            second_value = value_within(next, more, symbol);
            bits += more;
            goes = second_at + 1;
        } else if (more && symbol != ZEROS) {
            bits += more;
            goes += END_GOES;
        }
        table->pairs[i] = bits | first_bits << 5 | goes << 10 | at << 18 | second_at << 22 |
            (pair)(uint16_t)value << 32 | (pair)(uint16_t)second_value << 48;
    }
}

static void make_skips(ac_table *table) {
    for (unsigned i = 0; i < 1 << SKIP_LOOK; i++) {
        uint64_t next = (uint64_t)i << (64 - SKIP_LOOK);
        unsigned bits = 0, goes = 0, symbol, more;
        while (goes < SKIP_END && (more = bits_within(&table->codes, next << bits, SKIP_LOOK - bits, &symbol))) {
            unsigned by = symbol & 15 || symbol == ZEROS ? (symbol >> 4) + 1 : SKIP_END;
            if (by < SKIP_END && goes + by > AC_COUNT) break;
            bits += more;
            goes += by;
        }
        table->skips[i] = (skip)(bits ? bits | goes << 4 : SKIP_NONE << 4);
    }
}

// Reads one AC symbol by itself into `block`. Says how far it goes on, END_GOES at the end of the block, or 0 if there
// is no such code.
static always_inline unsigned take_one(const jpeg_codes *codes, jpeg_reader *reader, JCOEFPTR block, unsigned k) {
    jpeg_refill(reader);
    int symbol = jpeg_take_symbol(codes, reader);
    if (symbol < 0) return 0;
    unsigned run = (unsigned)symbol >> 4, size = symbol & 15;
    if (size) block[jpeg_zigzag[k + run]] = (JCOEF)jpeg_take_value(reader, size);
    else if (symbol != ZEROS) return END_GOES;
    return run + 1;
}

static always_inline int decode_ac(const ac_table *table, jpeg_reader *reader, JCOEFPTR block) {
    unsigned k = 1;
    while (k < DCTSIZE2) {
        jpeg_refill(reader);
#pragma clang loop unroll(full)
        for (int i = 0; i < 56 / JPEG_LOOK; i++) {
            pair p = table->pairs[reader->bits >> (64 - JPEG_LOOK)];
            if (__builtin_expect(p & ODD, 0)) {
                unsigned goes = take_one(&table->codes, reader, block, k);
                if (!goes) return 0;
                k += goes;
                break;
            }
            unsigned first_at = k + pair_first_at(p);
            block[jpeg_zigzag[first_at]] = pair_first(p);
            // Where the first fills the block, the second is not in it, and its place may be beyond all.
            if (__builtin_expect(first_at >= DCTSIZE2 - 1, 0)) {
                jpeg_drop(reader, pair_first_bits(p));
                return 1;
            }
            block[jpeg_zigzag[k + pair_second_at(p)]] = pair_second(p);
            jpeg_drop(reader, pair_bits(p));
            k += pair_goes(p);
            if (k >= DCTSIZE2) return 1;
        }
    }
    return 1;
}

static always_inline int skip_ac(const ac_table *table, jpeg_reader *reader, JCOEFPTR nobody) {
    int left = AC_COUNT;
    while (left > 0) {
        jpeg_refill(reader);
#pragma clang loop unroll(full)
        for (int i = 0; i < 56 / SKIP_LOOK; i++) {
            skip s = table->skips[reader->bits >> (64 - SKIP_LOOK)];
            int after = left - (s >> 4);
            if (__builtin_expect(after > 0, 1)) {
                jpeg_drop(reader, s & 15);
                left = after;
                continue;
            }
            // The end of the block, if it is within the block; or the last coefficients, if they are just those.
            if (after < -AC_COUNT ? after + SKIP_END > 0 : after == 0) {
                jpeg_drop(reader, s & 15);
                return 1;
            }
            unsigned goes = take_one(&table->codes, reader, nobody, (unsigned)(DCTSIZE2 - left));
            if (!goes) return 0;
            left -= (int)goes;
            break;
        }
    }
    return 1;
}

// Lets libjpeg's decoder read the scan from its beginning, the MCUs that are done already for nobody, and this one for
// its caller; then the rest is its own. So it comes to all that is odd in its own state, and deals with it in its way.
static boolean hand_over(j_decompress_ptr info, JBLOCKROW *blocks) {
    fast_decoder *fast = (fast_decoder *)info->entropy;
    jpeg_shortcuts_count(-1);
    info->entropy = fast->stock;
    info->src->next_input_byte = fast->begin;
    info->src->bytes_in_buffer = fast->size;
    for (JDIMENSION i = 0; i < fast->done; i++) {
        if (info->progress && i % info->MCUs_per_row == 0) info->progress->progress_monitor((j_common_ptr)info);
        if (!info->entropy->decode_mcu(info, NULL)) return FALSE;
    }
    for (int i = 0; blocks && i < fast->blocks; i++) memset(blocks[i], 0, sizeof(JBLOCK));
    return info->entropy->decode_mcu(info, blocks);
}

// After the last MCU: the source goes on where the scan has ended.
static void finish(j_decompress_ptr info, fast_decoder *fast) {
    const uint8_t *position = jpeg_bits_position(&fast->bits);
    info->src->bytes_in_buffer = fast->size - (size_t)(position - fast->begin);
    info->src->next_input_byte = position;
    info->entropy = fast->stock;
}

static always_inline boolean decode_mcu_inline(j_decompress_ptr info, JBLOCKROW *blocks) {
    fast_decoder *fast = (fast_decoder *)info->entropy;
    jpeg_bits *bits = &fast->bits;
    if (fast->interval) {
        if (fast->before_restart == 0) {
            if (!jpeg_bits_restart(bits, fast->next_restart)) return hand_over(info, blocks);
            fast->next_restart = (fast->next_restart + 1) & 7;
            fast->before_restart = fast->interval;
            memset(fast->dc, 0, sizeof fast->dc);
        }
        fast->before_restart--;
    }
    jpeg_bits_make_safe(bits);
    // No encoder does that, and libjpeg leaves things in the block that are not in the file.
    if (__builtin_expect(bits->is_odd, 0)) return hand_over(info, blocks);
    jpeg_reader reader = bits->reader;
    for (int i = 0; i < fast->blocks; i++) {
        const block_plan *plan = &fast->plan[i];
        JCOEFPTR block = blocks ? *blocks[i] : fast->nobody;
        jpeg_refill(&reader);
        int size = jpeg_take_symbol(plan->dc, &reader);
        if (__builtin_expect(size < 0, 0)) return hand_over(info, blocks);
        // Files that are out to make it overflow get what libjpeg would give them.
        unsigned dc = (unsigned)fast->dc[plan->component] + (unsigned)jpeg_take_value(&reader, (unsigned)size);
        fast->dc[plan->component] = (int)dc;
        block[0] = (JCOEF)dc;
        int all_there = plan->skips_ac ? skip_ac(plan->ac, &reader, fast->nobody) : decode_ac(plan->ac, &reader, block);
        if (__builtin_expect(!all_there, 0)) return hand_over(info, blocks);
    }
    bits->reader = reader;
    if (jpeg_bits_ran_over(bits)) return hand_over(info, blocks);
    if (++fast->done == fast->total) finish(info, fast);
    return TRUE;
}

typedef boolean (*mcu_decoder)(j_decompress_ptr, JBLOCKROW *);

static boolean decode_mcu(j_decompress_ptr info, JBLOCKROW *blocks) { return decode_mcu_inline(info, blocks); }

#ifdef __x86_64__
// A symbol waits for the shift by the one before it, which takes one cycle with this and two without, or three.
__attribute__((target("bmi2"))) static boolean decode_mcu_bmi2(j_decompress_ptr info, JBLOCKROW *blocks) {
    return decode_mcu_inline(info, blocks);
}

static mcu_decoder best_decoder(void) { return __builtin_cpu_supports("bmi2") ? decode_mcu_bmi2 : decode_mcu; }
#else
static mcu_decoder best_decoder(void) { return decode_mcu; }
#endif

static void *get(j_decompress_ptr info, size_t size) {
    return info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, size);
}

static int make_tables(j_decompress_ptr info, fast_decoder *fast, const jpeg_component_info *component, int skips_ac) {
    const JHUFF_TBL *dc = info->dc_huff_tbl_ptrs[component->dc_tbl_no];
    const JHUFF_TBL *ac = info->ac_huff_tbl_ptrs[component->ac_tbl_no];
    jpeg_codes **own_dc = &fast->dc_tables[component->dc_tbl_no];
    ac_table **own_ac = &fast->ac_tables[component->ac_tbl_no];
    if (!*own_dc) {
        *own_dc = get(info, sizeof **own_dc);
        if (!jpeg_codes_make(*own_dc, dc, 1)) return 0;
    }
    if (!*own_ac) {
        *own_ac = get(info, sizeof **own_ac);
        if (!jpeg_codes_make(&(*own_ac)->codes, ac, 0)) return 0;
        make_pairs(*own_ac);
        (*own_ac)->skips = NULL;
    }
    if (skips_ac && !(*own_ac)->skips) {
        (*own_ac)->skips = get(info, sizeof(skip) << SKIP_LOOK);
        make_skips(*own_ac);
    }
    return 1;
}

int jpeg_fast_huffman_install(j_decompress_ptr info, size_t worthwhile, size_t skip_worthwhile) {
    size_t size = info->src->bytes_in_buffer;
    if (info->progressive_mode || info->arith_code || info->data_precision != 8) return 0;
    // One scan with everything in it: the others have all been read by now.
    if (info->inputctl->has_multiple_scans || info->comps_in_scan != info->num_components) return 0;
    if (size < worthwhile || info->unread_marker || info->input_iMCU_row || info->output_scanline) return 0;

    fast_decoder *fast = get(info, sizeof *fast);
    memset(fast, 0, sizeof *fast);
    for (int i = 0; i < info->comps_in_scan; i++) {
        const jpeg_component_info *component = info->cur_comp_info[i];
        // An eighth of the picture is its DC coefficients.
        int skips_ac = jpeg_component_scale(component) == 1 && size >= skip_worthwhile;
        if (!make_tables(info, fast, component, skips_ac)) return 0;
        for (int k = 0; k < component->MCU_blocks; k++)
            fast->plan[fast->blocks++] = (block_plan){
                .dc = fast->dc_tables[component->dc_tbl_no],
                .ac = fast->ac_tables[component->ac_tbl_no],
                .component = i,
                .skips_ac = skips_ac,
            };
    }
    fast->public = *info->entropy;
    fast->public.decode_mcu = best_decoder();
    fast->stock = info->entropy;
    fast->begin = info->src->next_input_byte;
    fast->size = size;
    fast->total = info->MCUs_per_row * info->MCU_rows_in_scan;
    fast->interval = fast->before_restart = info->restart_interval;
    jpeg_bits_open(&fast->bits, fast->begin, fast->begin + size);
    info->entropy = &fast->public;
    jpeg_fast_idct_install(info);
    return 1;
}

void jpeg_fast_huffman_start(j_decompress_ptr info) {
    if (!jpeg_shortcuts_allowed()) return;
    if (jpeg_fast_huffman_install(info, WORTHWHILE, SKIP_WORTHWHILE)) jpeg_shortcuts_count(1);
}

#else
void jpeg_fast_huffman_start(j_decompress_ptr info) { (void)info; }
#endif
