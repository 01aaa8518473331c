/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * text: see text.h.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct s3_text *text, size_t more)
{
    if (text->failed || more > S3_TEXT_MAX - text->size) {
        text->failed = true;
        return false;
    }
    size_t need = text->size + more + 1;
    if (need <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void s3_text_add_n(struct s3_text *text, const char *bytes, size_t size)
{
    if (!reserve(text, size))
        return;
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void s3_text_add(struct s3_text *text, const char *string)
{
    s3_text_add_n(text, string, strlen(string));
}

void s3_text_addf(struct s3_text *text, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (size < 0)
        text->failed = true;
    else if (reserve(text, (size_t)size)) {
        vsnprintf(text->data + text->size, (size_t)size + 1, fmt, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void s3_text_escape(struct s3_text *text, const char *string, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
        char out[3] = {'%', hex[*c >> 4], hex[*c & 15]};
        if (unreserved(*c) || (*c == '/' && keep_slash))
            s3_text_add_n(text, (const char *)c, 1);
        else
            s3_text_add_n(text, out, 3);
    }
}

void s3_text_xml(struct s3_text *text, const char *string)
{
    for (const char *c = string; *c; c++) {
        if (*c == '&')
            s3_text_add(text, "&amp;");
        else if (*c == '<')
            s3_text_add(text, "&lt;");
        else if (*c == '>')
            s3_text_add(text, "&gt;");
        else if ((unsigned char)*c < 0x20)
            s3_text_addf(text, "&#%d;", *c);
        else
            s3_text_add_n(text, c, 1);
    }
}

void s3_text_clear(struct s3_text *text)
{
    text->size = 0;
    text->failed = false;
    if (text->data)
        text->data[0] = '\0';
}

void s3_text_free(struct s3_text *text)
{
    free(text->data);
    *text = (struct s3_text){0};
}

const char *s3_text_get(const struct s3_text *text)
{
    return text->data ? text->data : "";
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool s3_unescape(char *string)
{
    char *to = string;
    for (const char *from = string; *from; from++) {
        if (*from == '+') { /* AWS escapes a listing as forms do; a real plus is %2B */
            *to++ = ' ';
        } else if (*from != '%') {
            *to++ = *from;
        } else {
            int high = hex_value(from[1]), low = high < 0 ? -1 : hex_value(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            *to++ = (char)(high * 16 + low);
            from += 2;
        }
    }
    *to = '\0';
    return true;
}
