import { describe, expect, test } from 'vitest'
import { change, tableDef } from '../../support/jobs.ts'
import { compile, jobFor } from './action-spec.ts'

const payload = (fields: { [name: string]: unknown }, row?: { id: number; status: number | null }): unknown =>
  jobFor(compile({ type: 'redis', ...fields }).plan, row).payload

describe('a Redis action', () => {
  test('renders DEL as the key alone, and several keys as a list', () => {
    expect(payload({ cmd: 'DEL', key: 'cache:user:{{id}}' })).toBe('cache:user:1')
    expect(payload({ cmd: 'unlink', keys: ['a:{{id}}', 'b:{{id}}'] })).toEqual(['a:1', 'b:1'])
  })

  test.each([
    [{ cmd: 'SET', key: 'k:{{id}}', value: '{{status}}', ttl: 60_000 }, ['k:1', '1', 'EX', '60']],
    [{ cmd: 'SET', key: 'k', value: { id: '{{id}}' }, ttl: 1500, nx: true }, ['k', '{"id":1}', 'PX', '1500', 'NX']],
    [{ cmd: 'EXPIRE', key: 'k', ttl: 5000 }, ['k', '5']],
    [{ cmd: 'HSET', key: 'k', fields: { id: '{{id}}', s: '{{status}}' } }, ['k', 'id', '1', 's', '1']],
    [{ cmd: 'HSET', key: 'k', field: 'f', value: '{{status}}' }, ['k', 'f', '1']],
    [{ cmd: 'HDEL', key: 'k', field: '{{id}}' }, ['k', '1']],
    [{ cmd: 'INCRBY', key: 'k' }, ['k', '1']],
    [{ cmd: 'INCRBY', key: 'k', value: -3 }, ['k', '-3']],
    [{ cmd: 'LPUSH', key: 'k', value: '{{id}}', args: ['x'] }, ['k', '1', 'x']],
    [{ cmd: 'SADD', key: 'k', member: '{{id}}' }, ['k', '1']],
    [{ cmd: 'ZADD', key: 'k', score: '{{status}}', member: '{{id}}' }, ['k', '1', '1']],
    [{ cmd: 'PUBLISH', channel: 'c', message: { id: '{{id}}' } }, ['c', '{"id":1}']],
    [{ cmd: 'XADD', key: 'k', fields: { id: '{{id}}' }, maxlen: 100 }, ['k', 'MAXLEN', '~', '100', '*', 'id', '1']],
  ])('renders %j', (fields, args) => {
    const { problems } = compile({ type: 'redis', ...fields })
    expect(problems).toEqual([])
    expect(payload(fields)).toEqual({ address: args[0], args })
  })

  test('sends the whole event where XADD and PUBLISH have nothing of their own', () => {
    const { plan, reads } = compile({ type: 'redis', cmd: 'XADD', key: 'k' })
    expect(reads).toEqual({ new: 'all', old: 'all' })
    const { args } = jobFor(plan).payload as { args: string[] }
    expect(args.slice(0, 3)).toEqual(['k', '*', 'event'])
    expect(JSON.parse(args[3]!)).toMatchObject({ op: 'update', key: { id: 1 } })
  })

  test.each([
    [{ cmd: 'EVAL', key: 'k' }, 'BINGO_RULE_REDIS_COMMAND'],
    [{ cmd: 'constructor', key: 'k' }, 'BINGO_RULE_REDIS_COMMAND'],
    [{ cmd: 'DEL' }, 'BINGO_RULE_REDIS_FIELD_MISSING'],
    [{ cmd: 'SET', key: 'k' }, 'BINGO_RULE_REDIS_FIELD_MISSING'],
    [{ cmd: 'EXPIRE', key: 'k' }, 'BINGO_RULE_REDIS_FIELD_MISSING'],
    [{ cmd: 'ZADD', key: 'k', member: 'm' }, 'BINGO_RULE_REDIS_FIELD_MISSING'],
    [{ cmd: 'PUBLISH' }, 'BINGO_RULE_REDIS_FIELD_MISSING'],
    [{ cmd: 'DEL', key: 'k', value: 'v' }, 'BINGO_RULE_REDIS_FIELD'],
    [{ cmd: 'SADD', key: 'k', member: 'm', ttl: 1000 }, 'BINGO_RULE_REDIS_FIELD'],
    [{ cmd: 'DEL', key: 'cache:*' }, 'BINGO_RULE_REDIS_PATTERN'],
    [{ cmd: 'DEL', key: 'a', keys: ['b'] }, 'BINGO_RULE_REDIS_KEY_AND_KEYS'],
    [{ cmd: 'SET', key: 'k', value: 'v', nx: true, xx: true }, 'BINGO_RULE_REDIS_NX_XX'],
    [{ cmd: 'DEL', key: 'k', url: 'http://x' }, 'BINGO_REDIS_URL_INVALID'],
  ])('refuses %j', (fields, code) => {
    expect(compile({ type: 'redis', ...fields }).problems.map((problem) => problem.code)).toEqual([code])
  })

  test('refuses an increment that is not an integer before it is sent', () => {
    expect(() => payload({ cmd: 'INCRBY', key: 'k', value: '{{status}}' }, { id: 1, status: null })).toThrow('64-bit')
  })

  test('refuses an empty key', () => {
    expect(() => payload({ cmd: 'DEL', key: '' })).toThrow(expect.objectContaining({ code: 'BINGO_REDIS_KEY_EMPTY' }))
  })

  test('acts on the key that a change of the primary key left behind', () => {
    const moved = change('update', { id: 1, status: 0 }, { id: 2, status: 0 })
    const del = compile({ type: 'redis', cmd: 'DEL', key: 'k:{{id}}' }).plan
    expect(del.bindPreviousKey!(tableDef())(moved)).toBe('k:1')
    const set = compile({ type: 'redis', cmd: 'SET', key: 'k:{{id}}', value: 'v' }).plan
    expect(set.bindPreviousKey!(tableDef())(moved)).toEqual({ address: 'k:1', args: ['k:1'], remove: true })
    const same = compile({ type: 'redis', cmd: 'SET', key: 'fixed', value: 'v' }).plan
    expect(same.bindPreviousKey!(tableDef())(moved)).toMatchObject({ args: [] })
    expect(compile({ type: 'redis', cmd: 'INCRBY', key: 'k:{{id}}' }).plan.bindPreviousKey).toBeUndefined()
  })

  test('reads the before image of the columns in the key too, for the previous key', () => {
    const { reads } = compile({ type: 'redis', cmd: 'DEL', key: 'k:{{id}}' })
    expect(reads).toEqual({ new: new Set(['id']), old: new Set(['id']) })
  })

  test('keeps the password out of the name of its target', () => {
    const first = compile({ type: 'redis', cmd: 'DEL', key: 'k', url: 'redis://app:one@cache:6379' }).plan.target.id
    const second = compile({ type: 'redis', cmd: 'DEL', key: 'k', url: 'redis://app:two@cache:6379' }).plan.target.id
    expect(first).toBe('redis cache:6379')
    expect(second).toBe('redis cache:6379')
  })

  test('coalesces what converges and nothing else', () => {
    expect(compile({ type: 'redis', cmd: 'SET', key: 'k', value: 'v' }).plan.coalesce).toBe('latest')
    expect(compile({ type: 'redis', cmd: 'SET', key: 'k', value: 'v', nx: true }).plan.coalesce).toBe('none')
    expect(compile({ type: 'redis', cmd: 'INCRBY', key: 'k' }).plan.coalesce).toBe('none')
  })
})

describe('exactlyOnce', () => {
  const codes = (fields: { [name: string]: unknown }) =>
    compile({ type: 'redis', exactlyOnce: true, key: 'k', ...fields }).problems.map(({ field, code }) => [field, code])

  test('is for commands that have their effect again when they are sent again', () => {
    expect(codes({ cmd: 'INCRBY' })).toEqual([])
    expect(codes({ cmd: 'ZADD', args: ['INCR', '1', 'm'] })).toEqual([])
    expect(codes({ cmd: 'DEL' })).toEqual([['exactlyOnce', 'BINGO_RULE_REDIS_EXACTLY_ONCE']])
    expect(codes({ cmd: 'PUBLISH', channel: 'c' })).toContainEqual(['exactlyOnce', 'BINGO_RULE_REDIS_EXACTLY_ONCE'])
    expect(codes({ cmd: 'DEL', exactlyOnce: false })).toEqual([])
  })

  test('is refused on a Cluster, where it does not work', () => {
    const refused = [['exactlyOnce', 'BINGO_REDIS_EXACTLY_ONCE_CLUSTER']]
    expect(codes({ cmd: 'INCRBY', url: 'redis+cluster://a:1,b:2' })).toEqual(refused)
    expect(codes({ cmd: 'INCRBY', url: 'rediss+cluster://a:1,b:2' })).toEqual(refused)
    expect(codes({ cmd: 'INCRBY', url: 'sentinel://a:1,b:2/group' })).toEqual([])
  })
})
