import { Matcher } from '../../src/match/matcher.ts'
import type { EventEnvelope } from '../../src/model/event/posted/event-record.ts'
import { PostedEvent } from '../../src/model/event/posted/posted-event.ts'
import { NO_TRANSACTION } from '../../src/model/event/change.ts'
import type { Rule } from '../../src/model/rule/rule.ts'
import { loadRulesFromText } from '../../src/rules/files/load.ts'
import { actionTypes } from '../../src/targets/registry.ts'
import type { MatchSink } from '../../src/match/program/match-sink.ts'
import type { Row } from './report.ts'

const RULES = 1_000
/** Of all rules, those that one event matches. */
const MATCHING = 10
const KINDS = RULES / MATCHING

/** What the rules of one kind look for, each in another field; `n` names the kind. */
const PATTERNS: { readonly [name: string]: (n: number, i: number) => string } = {
  'a value': (n, i) => `{payload: {plan: [plan-${n}], country: [DE, AT], total: [{$gte: ${i}}]}}`,
  'an element': (n) => `{payload: {tags: [{$includes: tag-${n}}], country: [{$exists: true}]}}`,
  'a prefix': (n) => `{payload: {sku: [{$startsWith: "sku-${n}-"}]}}`,
  'a range': (n) => `{payload: {total: [{$between: [${n * 100}, ${n * 100 + 99}]}]}}`,
  'a value in a list': (n) => `{payload: {items: {kind: [kind-${n}], count: [{$gt: 0}]}}}`,
}

const SINK: MatchSink = {
  matched: () => undefined,
  deferred: () => undefined,
  cancelled: () => undefined,
  newer: () => undefined,
  exceeded: (_rule, _threshold, change) => change,
  failed: () => undefined,
  ruleMatched: () => undefined,
}
const NO_ROWS = (): never => {
  throw new Error('there are no rows')
}

/** Events per second of CPU (what else runs on the machine does not count) through a thousand patterns, beside the ten of them that match each event. */
export function patterns(events: number, repeats: number): Row[] {
  return Object.entries(PATTERNS).map(([name, pattern]) => {
    const all = rulesOf(pattern, RULES)
    const few = rulesOf(pattern, RULES).filter(({ id }) => id.startsWith('k7-'))
    const posted = Array.from({ length: 1_000 }, (_, i) => eventOf(i))
    const [bare, ours]: [number[], number[]] = [[], []]
    for (let repeat = 0; repeat < repeats; repeat++) {
      bare.push(perSecond(few, posted, events))
      ours.push(perSecond(all, posted, events))
    }
    return {
      section: 'i',
      name: `${RULES} patterns on ${name}, ${MATCHING} match`,
      value: median(ours),
      unit: 'events/s',
      baseline: { name: `the ${MATCHING} alone`, value: median(bare) },
    }
  })
}

function rulesOf(pattern: (n: number, i: number) => string, count: number): readonly Rule[] {
  const lines = Array.from({ length: count }, (_, i) => {
    const kind = i % KINDS
    return `  - {id: k${kind}-${i}, on: "orders.**", match: ${pattern(kind, Math.floor(i / KINDS))}, actions: [{type: redis, cmd: DEL, key: "o:{{payload.id}}"}]}`
  })
  return loadRulesFromText([{ path: 'r.yaml', name: 'r.yaml', text: `rules:\n${lines.join('\n')}` }], {
    baseDir: '.',
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache', allowCidrs: [] },
    actionTypes: actionTypes(),
  }).ruleSet.rules
}

/** Each event matches the rules of kind 7. */
function eventOf(i: number): PostedEvent {
  const envelope: EventEnvelope = {
    id: `e${i}`,
    type: `orders.order${i % 20}.create`,
    source: 'api',
    key: `k${i}`,
    payload: {
      id: i,
      plan: 'plan-7',
      country: 'DE',
      total: 750,
      tags: ['new', 'tag-7', 'vip'],
      sku: `sku-7-${i}`,
      items: [
        { kind: 'other', count: 1 },
        { kind: 'kind-7', count: 2 },
      ],
    },
    context: {},
    metadata: {},
    userId: null,
    sessionId: null,
    accountId: null,
    instanceId: 'bench',
    environment: 'default',
    correlationId: null,
    causationId: null,
    traceparent: null,
    hops: 0,
    timestamp: 0,
    deliverAt: null,
    isTest: false,
  }
  return new PostedEvent(envelope, { ...NO_TRANSACTION, id: envelope.id }, 0)
}

function perSecond(rules: readonly Rule[], events: readonly PostedEvent[], count: number): number {
  const matcher = new Matcher({ rules, files: [] }, NO_ROWS)
  for (const event of events) matcher.eventProgram(event)!.run(event, 0, SINK)
  const startedAt = process.cpuUsage()
  for (let done = 0; done < count; done++) {
    const event = events[done % events.length]!
    matcher.eventProgram(event)!.run(event, 0, SINK)
  }
  return (count * 1_000_000) / process.cpuUsage(startedAt).user
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
