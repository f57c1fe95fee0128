import { describe, expect, test } from 'vitest'
import { parseRedisUrl } from '../../../src/clients/redis/redis-url.ts'
import { compile } from './action-spec.ts'

const BASE = {
  sql: { type: 'sql', statement: 'DO 1' },
  rabbitmq: { type: 'rabbitmq', routingKey: 'users' },
  nats: { type: 'nats', subject: 'users' },
  redis: { type: 'redis', cmd: 'DEL', key: 'x' },
}
const problemsOf = (type: keyof typeof BASE, url: string) => compile({ ...BASE[type], url }).problems

describe('an address', () => {
  test.each([
    ['sql', 'mysql://app:secret@db:3306/reports'],
    ['sql', 'mariadb://app:se%23cret@[::1]/reports'],
    ['rabbitmq', 'amqps://guest:guest@rabbit:5671/my%2Fhost'],
    ['rabbitmq', 'amqp://rabbit/'],
    ['nats', 'nats://user:pw@a:4222,tls://b:4222'],
    ['redis', 'rediss://:pw@redis:6380/1?servername=redis.example'],
  ] as const)('of type %s is fine: %s', (type, url) => {
    expect(problemsOf(type, url)).toEqual([])
  })

  test.each([
    ['sql', 'mysql://db/x?ssl-mode=REQUIRED', 'ssl-mode', '`tls: {}`'],
    ['sql', 'mysql://db/x?useSSL=true', 'useSSL', '`tls: {}`'],
    ['sql', 'mysql://db/x?connectionLimit=9', 'connectionLimit', '`connections`'],
    ['sql', 'mysql://db/x?connectTimeout=9', 'connectTimeout', '`timeout`'],
    ['sql', 'mysql://db/x?whatever=9', 'whatever', 'remove it'],
    ['rabbitmq', 'amqps://rabbit/?cacertfile=ca.pem', 'cacertfile', '`tls: {}`'],
    ['rabbitmq', 'amqp://rabbit/?heartbeat=10', 'heartbeat', 'BinGo sets it'],
    ['nats', 'nats://a:4222?token=abc', 'token', '`token`'],
    ['nats', 'nats://a:4222,nats://b:4222?tls=true', 'tls', '`tls: {}`'],
    ['redis', 'redis://redis?tls=true', 'tls', 'rediss://'],
    ['redis', 'redis://redis?ca=ca.pem', 'ca', 'rediss://'],
    ['redis', 'redis://redis?DB=1', 'DB', 'write db'],
  ] as const)('of type %s has no option that nothing reads: %s', (type, url, name, remedy) => {
    const problems = problemsOf(type, url)
    expect(problems).toHaveLength(1)
    const text = `${problems[0]!.message} ${problems[0]!.hint}`
    expect(text).toContain(name)
    expect(text).toContain(remedy)
    expect(text).not.toContain('abc')
  })

  test.each([
    ['sql', 'mysql://db/reports/extra', /path/],
    ['sql', 'mysql://app:a#b@db/x', /before the @/],
    ['nats', 'nats://a:4222/orders', /path/],
    ['rabbitmq', 'amqp://rabbit/a/b', /path/],
    ['sql', 'mysql://', /the host is missing/],
    ['rabbitmq', 'http://rabbit', /scheme/],
  ] as const)('of type %s has no part that nothing reads: %s', (type, url, message) => {
    expect(problemsOf(type, url).map((problem) => problem.message)).toEqual([expect.stringMatching(message)])
  })

  test.each([['SSL://kafka:9093'], ['user@kafka:9092'], ['kafka:9092?ssl=true'], ['kafka']])(
    'of a Kafka broker is host and port alone, not %s',
    (broker) => {
      const { problems } = compile({ type: 'kafka', brokers: [broker], topic: 'users' })
      expect(problems.map(({ hint }) => hint)).toEqual([expect.stringContaining('`tls: {}`')])
    },
  )

  test('of a checkpoint in Redis is read by the same rules', () => {
    expect(() => parseRedisUrl('redis+cluster://a,b?ssl=1')).toThrow(/rediss:\/\//)
    expect(parseRedisUrl('sentinel://a/group?sentinelPassword=x').sentinelPassword).toBe('x')
  })
})

test.each([
  ['redis://u:secret@part@h', /write an @ in user or password as %40/],
  ['rediss://u:a@secret@h:6379', /write an @ in user or password as %40/],
  ['sentinel://u:a@secret@h1,h2/group', /write an @ in user or password as %40/],
  ['redis+cluster://u:a@secret@h1,h2', /write an @ in user or password as %40/],
  ['redis://a b:6379', /there is a space in it/],
])('a host is never a piece of a password, and no piece of it is shown: %s', (url, message) => {
  expect(() => parseRedisUrl(url)).toThrow(message)
  expect(() => parseRedisUrl(url)).not.toThrow(/secret/)
})
