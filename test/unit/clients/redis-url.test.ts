import { describe, expect, it } from 'vitest'
import { parseRedisUrl } from '../../../src/clients/redis/redis-url.ts'

describe('parseRedisUrl', () => {
  it('reads host, port, database and credentials of a single server', () => {
    expect(parseRedisUrl('redis://me:p%40ss@cache:6380/2')).toMatchObject({
      mode: 'single',
      hosts: [{ host: 'cache', port: 6380 }],
      db: 2,
      username: 'me',
      password: 'p@ss',
      tls: undefined,
    })
  })

  it('uses the default port and database, and accepts IPv6 hosts', () => {
    expect(parseRedisUrl('redis://[::1]')).toMatchObject({ hosts: [{ host: '::1', port: 6379 }], db: 0 })
  })

  it('reads a password without a user', () => {
    const address = parseRedisUrl('redis://:secret@cache')
    expect([address.username, address.password]).toEqual([undefined, 'secret'])
  })

  it('always verifies certificates when TLS is configured', () => {
    expect(parseRedisUrl('rediss://cache').tls).toMatchObject({ rejectUnauthorized: true })
  })

  it('reads Sentinels, the master group and the database', () => {
    for (const scheme of ['sentinel', 'redis+sentinel']) {
      expect(parseRedisUrl(`${scheme}://:pw@h1:26379,h2/mymaster/3?sentinelPassword=s`)).toMatchObject({
        mode: 'sentinel',
        hosts: [
          { host: 'h1', port: 26379 },
          { host: 'h2', port: 26379 },
        ],
        group: 'mymaster',
        db: 3,
        password: 'pw',
        sentinelPassword: 's',
      })
    }
  })

  it('reads the nodes of a Cluster', () => {
    expect(parseRedisUrl('rediss+cluster://a:7000,b:7001')).toMatchObject({
      mode: 'cluster',
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
      tls: { rejectUnauthorized: true },
    })
  })

  it('prints an address without credentials', () => {
    expect(parseRedisUrl('sentinel://u:secret@h1:1,h2:2/g/1').printable).toBe('sentinel://h1:1,h2:2/g/1')
  })

  it.each([
    ['http://cache', 'scheme'],
    ['cache:6379', 'does not begin with a scheme and //'],
    ['redis://:secret@a,b', 'several hosts'],
    ['redis://:secret@cache:99999', 'port'],
    ['redis://:secret@cache/x', 'database'],
    ['sentinel://:secret@h1:1', 'group'],
    ['redis+cluster://:secret@h1:1/4', 'database 0'],
    ['redis://:secret%@h1', '%25'],
  ])('refuses %s without quoting the password', (url, part) => {
    const attempt = (): unknown => parseRedisUrl(url)
    expect(attempt).toThrow(part)
    expect(attempt).not.toThrow('secret')
  })
})
