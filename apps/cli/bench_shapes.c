/* bench_shapes.c - layers to measure: known ones of the seven networks, and --shape. See bench.h. */
#include "apps/cli/bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct known_shape known_shapes[] = {
    {"unet inc.0", LAYER_CONV2D, "1x512x512x3,oc=64,k=3,p=1"},
    {"enhancenet Conv_1", LAYER_CONV2D, "1x128x128x64,k=3,p=1"},
    {"siggraph17 model2.2", LAYER_CONV2D, "1x128x128x128,k=3,p=1"},
    {"siggraph17 model3.2", LAYER_CONV2D, "1x64x64x256,k=3,p=1"},
    {"eccv16 model3.4", LAYER_CONV2D, "1x64x64x256,k=3,s=2,p=1"},
    {"eccv16 model4.2", LAYER_CONV2D, "1x32x32x512,k=3,p=1"},
    {"eccv16 model5.2", LAYER_CONV2D, "1x32x32x512,k=3,p=2,d=2"},
    {"deeplabv3 layer3 conv1", LAYER_CONV2D, "1x65x65x1024,oc=256"},
    {"deeplabv3 layer3 conv2", LAYER_CONV2D, "1x65x65x256,k=3,p=2,d=2"},
    {"deeplabv3 layer3 conv3", LAYER_CONV2D, "1x65x65x256,oc=1024,act=relu,add=1"},
    {"deeplabv3 ASPP 12", LAYER_CONV2D, "1x65x65x2048,oc=256,k=3,p=12,d=12"},
    {"deeplabv3 ASPP 36", LAYER_CONV2D, "1x65x65x2048,oc=256,k=3,p=36,d=36"},
    {"vae dec_conv3", LAYER_CONV2D, "1x16x16x512,oc=128,k=5,p=2"},
    {"enhancenet Conv_24", LAYER_CONV2D, "1x512x512x64,oc=3,k=3,p=1"},
    {"enhancenet Conv_21", LAYER_CONV2D_TRANSPOSE, "1x128x128x64,k=4,s=2,p=1"},
    {"eccv16 model8.0", LAYER_CONV2D_TRANSPOSE, "1x32x32x512,oc=256,k=4,s=2,p=1"},
    {"unet up2.up", LAYER_CONV2D_TRANSPOSE, "1x64x64x512,oc=256,k=2,s=2"},
    {"dcgan main.0", LAYER_CONV2D_TRANSPOSE, "1x1x1x100,oc=512,k=4,s=4"},
    {"dcgan main.6, batch 64", LAYER_CONV2D_TRANSPOSE, "64x8x8x256,oc=128,k=4,s=2,p=1"},
    {"dcgan main.12, batch 64", LAYER_CONV2D_TRANSPOSE, "64x32x32x64,oc=3,k=4,s=2,p=1,act=tanh"},
    {"unet concat of up3", LAYER_POINTWISE, "1x128x128x256"},
    {"deeplabv3 layer1 sum", LAYER_POINTWISE, "1x130x130x256,act=relu,add=1"},
    {"dcgan tanh, batch 64", LAYER_POINTWISE, "64x64x64x3,act=tanh"},
    {"unet down1 pool", LAYER_MAX_POOL, "1x512x512x64,k=2,s=2"},
    {"deeplabv3 pool", LAYER_MAX_POOL, "1x260x260x64,k=3,s=2,p=1"},
    {"siggraph17 model1.4 subsample", LAYER_MAX_POOL, "1x256x256x64,s=2"},
    {"deeplabv3 ASPP pool", LAYER_AVERAGE_POOL, "1x65x65x2048"},
    {"eccv16 model8.6 softmax", LAYER_SOFTMAX, "1x64x64x313"},
    {"unet up1 pad", LAYER_PAD, "1x64x64x512,out=65x65"},
    {"upsampling before folding", LAYER_UPSAMPLE, "1x128x128x64,f=2"},
    {"deeplabv3 ASPP pool, enlarged", LAYER_BILINEAR, "1x1x1x256,out=65x65"},
    {"deeplabv3 classifier.4", LAYER_BILINEAR, "1x65x65x21,out=520x520"},
    {"vae dec_bn4", LAYER_BILINEAR, "1x32x32x64,f=2,align=1"},
    {"enhancenet rgb", LAYER_BICUBIC, "1x128x128x3,f=4"},
    {0},
};

enum layer_kind operator_named(const char *name)
{
    int kind = 0;
    while (kind < LAYER_COUNT && strcmp(layer_operators[kind].name, name) != 0)
        kind++;
    return (enum layer_kind)kind;
}

/* ---- parsing ----------------------------------------------------------------------------- */

#define BIT(kind) (1U << LAYER_##kind)
#define CONVOLUTIONS (BIT(CONV2D) | BIT(CONV2D_TRANSPOSE))

static const char *const activations[] = {"none", "relu", "leaky_relu", "tanh", "sigmoid"};

/* A shape being parsed, and values that are applied at the end. */
struct wanted {
    struct shape shape;
    int64_t factor, align, add, activation;
};

/* Members are identified by their offset in struct wanted. */
#define D(member) offsetof(struct wanted, shape.d.member)

static const struct key {
    const char *name;
    unsigned operators;
    enum { COUNT, PAIR, NAME } kind; /* N; N for both or HxW; one of `activations` */
    size_t first, second;
    int64_t least, most;
} keys[] = {
    {"oc", CONVOLUTIONS, COUNT, D(oc), 0, 1, 1 << 20},
    {"k", CONVOLUTIONS | BIT(MAX_POOL), PAIR, D(kh), D(kw), 1, 1 << 10},
    {"s", CONVOLUTIONS | BIT(MAX_POOL), PAIR, D(stride_h), D(stride_w), 1, 1 << 10},
    {"p", CONVOLUTIONS | BIT(MAX_POOL), PAIR, D(pad_h), D(pad_w), 0, 1 << 10},
    {"d", BIT(CONV2D), PAIR, D(dilation_h), D(dilation_w), 1, 1 << 10},
    {"f", BIT(UPSAMPLE) | BIT(BILINEAR) | BIT(BICUBIC), COUNT, offsetof(struct wanted, factor), 0, 1, 64},
    {"out", BIT(PAD) | BIT(BILINEAR), PAIR, D(oh), D(ow), 1, 1 << 20},
    {"align", BIT(BILINEAR), COUNT, offsetof(struct wanted, align), 0, 0, 1},
    {"act", CONVOLUTIONS | BIT(POINTWISE), NAME, offsetof(struct wanted, activation), 0, 0, 0},
    {"add", CONVOLUTIONS | BIT(POINTWISE), COUNT, offsetof(struct wanted, add), 0, 0, 1},
};

enum { KEYS = sizeof keys / sizeof *keys };

/* Reads digits and advances *text past them; false for none, or too many. */
static bool read_number(const char **text, int64_t *number)
{
    enum { DIGITS_MOST = 9 };
    size_t digits = strspn(*text, "0123456789");
    *number = strtoll(*text, NULL, 10);
    *text += digits;
    return digits > 0 && digits <= DIGITS_MOST;
}

static bool read_input(const char **text, struct layer_dims *d)
{
    int64_t *const sides[] = {&d->n, &d->ih, &d->iw, &d->ic};
    for (int i = 0; i < 4; i++) {
        if (i && *(*text)++ != 'x')
            return false;
        if (!read_number(text, sides[i]) || *sides[i] < 1)
            return false;
    }
    return !**text || **text == ',';
}

static bool read_value(const struct key *key, const char *text, size_t length, struct wanted *wanted)
{
    const char *at = text;
    int64_t *first = (int64_t *)((char *)wanted + key->first);
    int64_t *second = key->kind == PAIR ? (int64_t *)((char *)wanted + key->second) : first;
    if (key->kind == NAME) {
        for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
            if (strlen(activations[i]) == length && memcmp(activations[i], text, length) == 0) {
                *first = (int64_t)i;
                return true;
            }
        return false;
    }
    bool good = read_number(&at, first);
    *second = *first;
    if (good && key->kind == PAIR && *at == 'x') {
        at++;
        good = read_number(&at, second);
    }
    return good && at == text + length && *first >= key->least && *first <= key->most &&
           *second >= key->least && *second <= key->most;
}

static const struct key *find_key(const char *name, size_t length, enum layer_kind kind)
{
    for (const struct key *key = keys; key < keys + KEYS; key++)
        if (strlen(key->name) == length && memcmp(key->name, name, length) == 0 &&
            key->operators & 1U << kind)
            return key;
    return NULL;
}

/* The options that an operator takes: "oc= k= s= p=". */
static const char *keys_text(enum layer_kind kind, char text[96])
{
    int length = snprintf(text, 96, "no options");
    for (const struct key *key = keys, *first = NULL; key < keys + KEYS; key++)
        if (key->operators & 1U << kind) {
            length = first ? length : 0;
            length += snprintf(text + length, 96 - (size_t)length, "%s%s=", first ? " " : "", key->name);
            first = key;
        }
    return text;
}

/* ---- the layer --------------------------------------------------------------------------- */

static limn_status finish(const char *text, struct wanted *wanted, limn_error *error)
{
    struct shape *shape = &wanted->shape;
    struct layer_dims *d = &shape->d;
    int64_t oh = d->oh, ow = d->ow;
    size_t bytes;
    d->oc = d->oc ? d->oc : d->ic;
    d->align_corners = wanted->align;
    shape->activation = (enum activation)wanted->activation;
    shape->add = wanted->add;
    plan_infer_output(shape->kind, d);
    if (wanted->factor)
        oh = d->ih * wanted->factor, ow = d->iw * wanted->factor;
    if (oh)
        d->oh = oh, d->ow = ow;
    if (shape->kind == LAYER_PAD)
        d->pad_h = (d->oh - d->ih) / 2, d->pad_w = (d->ow - d->iw) / 2;
    if (d->oh < 1 || d->ow < 1)
        return fail(error, LIMN_E_USAGE, "--shape %s: the output of this layer would be empty", text);
    bool windowed = shape->kind == LAYER_CONV2D || shape->kind == LAYER_CONV2D_TRANSPOSE;
    if (!tensor_bytes(d->n, d->ih, d->iw, d->ic, &bytes) ||
        !tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes) ||
        (windowed && !tensor_bytes(d->kh, d->kw, d->ic, d->oc, &bytes)))
        return fail(error, LIMN_E_USAGE, "--shape %s: too large", text);
    return LIMN_OK;
}

/* Reads "key=value" at *text, up to a comma or the end. `whole` is the whole text, for messages. */
static limn_status read_part(const char **text, const char *whole, struct wanted *wanted, limn_error *error)
{
    enum layer_kind kind = wanted->shape.kind;
    char takes[96];
    const char *name = *text;
    size_t length = strcspn(name, "=,");
    const char *given = name + length + (name[length] == '=');
    const struct key *key = find_key(name, length, kind);
    *text = given + strcspn(given, ",");
    if (!key)
        return fail(error, LIMN_E_USAGE, "--shape %s: %.*s: %s takes %s", whole, (int)length, name,
                    layer_operators[kind].name, keys_text(kind, takes));
    if (read_value(key, given, (size_t)(*text - given), wanted))
        return LIMN_OK;
    if (key->kind == NAME)
        return fail(error, LIMN_E_USAGE, "--shape %s: %s=: none, relu, leaky_relu, tanh or sigmoid expected",
                    whole, key->name);
    return fail(error, LIMN_E_USAGE, "--shape %s: %s=: a number%s from %" PRId64 " to %" PRId64 " expected",
                whole, key->name, key->kind == PAIR ? ", or HxW," : "", key->least, key->most);
}

limn_status shape_parse(enum layer_kind kind, const char *text, struct shape *shape, limn_error *error)
{
    const char *at = text;
    struct wanted wanted = {.shape = {.text = text, .kind = kind}};
    struct layer_dims *d = &wanted.shape.d;
    d->kh = d->kw = d->stride_h = d->stride_w = d->dilation_h = d->dilation_w = 1;
    if (!read_input(&at, d))
        return fail(error, LIMN_E_USAGE,
                    "--shape %s: the input, NxHxWxC, expected first, for instance 1x128x128x64,oc=64,k=3,p=1",
                    text);
    limn_status status = LIMN_OK;
    while (status == LIMN_OK && *at == ',') {
        at++;
        status = read_part(&at, text, &wanted, error);
    }
    if (status == LIMN_OK)
        status = finish(text, &wanted, error);
    *shape = wanted.shape;
    return status;
}
