/* SPDX-License-Identifier: Apache-2.0 */
/* When a fault is due. See fault_rule.h. */
#include "dev/fault_rule.h"

#include <stddef.h>

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/scale.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NEVER         UINT64_MAX

uint64_t fault_ticks(const struct fault_rules *rules, uint64_t ns)
{
    if (ns / NS_PER_SECOND >= NEVER / 2 / rules->frequency)
        return NEVER / 2;
    return scale(ns, NS_PER_SECOND, rules->frequency);
}

uint64_t fault_ns(const struct fault_rules *rules, uint64_t now)
{
    return scale(now - rules->start, rules->frequency, NS_PER_SECOND);
}

/* Sebastiano Vigna's splitmix64: seeds that differ in a bit begin unlike sequences. */
static uint64_t scramble(uint64_t v)
{
    v += UINT64_C(0x9e3779b97f4a7c15);
    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

/* His xorshift64: a step of it, never from 0. */
static uint32_t draw(struct fault_rule *rule)
{
    uint64_t v = rule->random;

    v ^= v << 13;
    v ^= v >> 7;
    v ^= v << 17;
    rule->random = v;
    return (uint32_t)(v >> 32);
}

void fault_rules_init(struct fault_rules *rules, struct fault_rule *rule, unsigned count,
                      uint64_t frequency)
{
    *rules = (struct fault_rules){.rule = rule, .count = count, .frequency = frequency};
    for (unsigned i = 0; i < count; i++) {
        rule[i].from = fault_ticks(rules, rule[i].from);
        rule[i].until = fault_ticks(rules, rule[i].until);
        rule[i].period = fault_ticks(rules, rule[i].period);
        rule[i].random = scramble(scramble(rule[i].seed) + rule[i].number) | 1;
    }
}

void fault_rules_start(struct fault_rules *rules, uint64_t now)
{
    rules->start = now;
}

static bool has_bit(uint32_t mask, unsigned bit)
{
    return (mask & BIT(bit < 31 ? bit : 31)) != 0;
}

static bool fits(const struct fault_rules *rules, const struct fault_rule *rule,
                 const struct fault_event *event)
{
    uint64_t time = event->now - rules->start;

    return rule->kind == event->kind && rule->first <= event->where && event->where <= rule->last &&
           has_bit(rule->queues, event->queue) && has_bit(rule->types, event->type) &&
           rule->first_sector <= event->last_sector && event->first_sector <= rule->last_sector &&
           rule->from <= time && time < rule->until;
}

static bool has_left(const struct fault_rule *rule)
{
    return rule->count == 0 || rule->done < rule->count;
}

/* The event fits: is it one of those that are meant? */
static bool is_due(struct fault_rule *rule)
{
    bool hit = rule->chance == 0 || draw(rule) < rule->chance;

    rule->seen++;
    return hit && (rule->nth == 0 || rule->seen == rule->nth) &&
           (rule->every == 0 || rule->seen % rule->every == 0) && has_left(rule);
}

const struct fault_rule *fault_match(struct fault_rules *rules, const struct fault_event *event)
{
    struct fault_rule *found = NULL;

    spin_lock(&rules->lock);
    for (unsigned i = 0; i < rules->count; i++) {
        struct fault_rule *rule = &rules->rule[i];

        if (fits(rules, rule, event) && is_due(rule) && found == NULL)
            found = rule;
    }
    if (found != NULL)
        found->done++;
    spin_unlock(&rules->lock);
    return found;
}

/* The tick at which a FAULT_TIME rule is due next: `from`, then a period later each time. */
static uint64_t next_time(const struct fault_rules *rules, const struct fault_rule *rule)
{
    if (rule->kind != FAULT_TIME || !has_left(rule) || (rule->period == 0 && rule->done != 0))
        return NEVER;
    if (rule->from + rule->done * rule->period >= rule->until)
        return NEVER;
    return rules->start + rule->from + rule->done * rule->period;
}

const struct fault_rule *fault_take_due(struct fault_rules *rules, uint64_t now)
{
    struct fault_rule *found = NULL;

    spin_lock(&rules->lock);
    for (unsigned i = 0; i < rules->count && found == NULL; i++) {
        if (next_time(rules, &rules->rule[i]) <= now)
            found = &rules->rule[i];
    }
    if (found != NULL)
        found->done++;
    spin_unlock(&rules->lock);
    return found;
}

uint64_t fault_next_due(struct fault_rules *rules)
{
    uint64_t next = NEVER;

    spin_lock(&rules->lock);
    for (unsigned i = 0; i < rules->count; i++) {
        uint64_t due = next_time(rules, &rules->rule[i]);

        next = due < next ? due : next;
    }
    spin_unlock(&rules->lock);
    return next;
}

void fault_log(const struct fault_rules *rules, const struct fault_rule *rule,
               const struct fault_event *event)
{
    uint64_t ns = fault_ns(rules, event->now);

    if (event->kind == FAULT_REQUEST)
        log_info("inject: rule %u at %lu ns, queue %u, type %u, sector %lu", rule->number, ns,
                 event->queue, event->type, event->first_sector);
    else if (event->kind == FAULT_ACCESS)
        log_info("inject: rule %u at %lu ns, %s at 0x%lx", rule->number, ns,
                 event->type != 0 ? "write" : "read", event->where);
    else
        log_info("inject: rule %u at %lu ns", rule->number, ns);
}
