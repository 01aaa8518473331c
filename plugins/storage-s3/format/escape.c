/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * escape: see escape.h.
 */
#include "format/escape.h"

static bool s3_is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void s3_add_escaped(struct text *text, const char *string, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
        char out[3] = {'%', hex[*c >> 4], hex[*c & 15]};
        if (s3_is_unreserved(*c) || (*c == '/' && keep_slash)) {
            text_add_bytes(text, (const char *)c, 1);
        } else {
            text_add_bytes(text, out, 3);
        }
    }
}

void s3_add_xml(struct text *text, const char *string)
{
    for (const char *c = string; *c; c++) {
        if (*c == '&') {
            text_add(text, "&amp;");
        } else if (*c == '<') {
            text_add(text, "&lt;");
        } else if (*c == '>') {
            text_add(text, "&gt;");
        } else if ((unsigned char)*c < 0x20) {
            text_addf(text, "&#%d;", *c);
        } else {
            text_add_bytes(text, c, 1);
        }
    }
}

static int s3_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool s3_unescape(char *string)
{
    char *to = string;
    for (const char *from = string; *from; from++) {
        if (*from == '+') { /* AWS escapes listings like HTML forms; a plus is %2B */
            *to++ = ' ';
        } else if (*from != '%') {
            *to++ = *from;
        } else {
            int high = s3_hex_value(from[1]), low = high < 0 ? -1 : s3_hex_value(from[2]);
            if (low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            *to++ = (char)(high * 16 + low);
            from += 2;
        }
    }
    *to = '\0';
    return true;
}
