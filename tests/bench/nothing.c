/* SPDX-License-Identifier: Apache-2.0 */
/* The cheapest program to start. */
int main(void)
{
	return 0;
}
