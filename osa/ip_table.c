/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in a list, found by a hash. See ip_table.h. */
#include "osa/ip_table.h"

#include <string.h>

#include "common/be.h"

static unsigned bucket_of(const uint8_t addr[16])
{
	uint32_t h = be32_load(addr) ^ be32_load(addr + 4) * 3u;

	h ^= be32_load(addr + 8) * 5u ^ be32_load(addr + 12);
	h *= 0x9E3779B1u;
	return h >> 24;
}

static_assert(OSA_IP_BUCKETS == 1u << 8, "the hash's top bits");

void osa_ip_table_init(struct osa_ip_table *t, unsigned max)
{
	t->n = 0;
	t->max = max < OSA_IP_MAX ? max : OSA_IP_MAX;
	memset(t->bucket, 0, sizeof(t->bucket));
}

struct osa_ip *osa_ip_find(struct osa_ip_table *t, const uint8_t addr[16])
{
	uint16_t at = t->bucket[bucket_of(addr)];

	for (; at; at = t->entry[at - 1].next)
		if (memcmp(t->entry[at - 1].addr, addr, 16) == 0)
			return &t->entry[at - 1];
	return NULL;
}

struct osa_ip *osa_ip_find4(struct osa_ip_table *t, uint32_t addr)
{
	uint8_t mapped[16];

	osa_ip_map4(mapped, addr);
	return osa_ip_find(t, mapped);
}

static void link_entry(struct osa_ip_table *t, unsigned i)
{
	uint16_t *bucket = &t->bucket[bucket_of(t->entry[i].addr)];

	t->entry[i].next = *bucket;
	*bucket = (uint16_t)(i + 1);
}

struct osa_ip *osa_ip_add(struct osa_ip_table *t, const uint8_t addr[16], bool v6)
{
	struct osa_ip *e;

	if (t->n == t->max)
		return NULL;
	e = &t->entry[t->n];
	memset(e, 0, sizeof(*e));
	memcpy(e->addr, addr, 16);
	e->v6 = v6;
	link_entry(t, t->n++);
	return e;
}

/* Rare enough for all buckets to be made anew. */
void osa_ip_del(struct osa_ip_table *t, const struct osa_ip *e)
{
	t->entry[e - t->entry] = t->entry[t->n - 1];
	t->n--;
	memset(t->bucket, 0, sizeof(t->bucket));
	for (unsigned i = 0; i < t->n; i++)
		link_entry(t, i);
}

void osa_ip_group_mac(const struct osa_ip *e, uint8_t mac[6])
{
	uint32_t low = be32_load(e->addr + 12);

	if (e->v6) {
		be16_store(mac, 0x3333);
		be32_store(mac + 2, low);
	} else {
		be16_store(mac, 0x0100);
		be32_store(mac + 2, 0x5E000000u | (low & 0x7FFFFFu));
	}
}

void osa_ip_map4(uint8_t addr[16], uint32_t ip4)
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xFF, 2);
	be32_store(addr + 12, ip4);
}

uint32_t osa_ip_4of(const uint8_t addr[16])
{
	return be32_load(addr + 12);
}
