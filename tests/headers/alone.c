/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled once behind each public header: ISO C wants at least one declaration. */
extern int header_alone;
