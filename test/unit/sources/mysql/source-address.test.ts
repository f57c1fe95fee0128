import { describe, expect, it } from 'vitest'
import { parseHostPort, parseSourceUrl, printAddress } from '../../../../src/sources/mysql/source-address.ts'

describe('parseSourceUrl', () => {
  it('reads user, password, host and port', () => {
    expect(parseSourceUrl('mysql://bingo:p%40ss%25@db:3307')).toMatchObject({
      host: 'db',
      port: 3307,
      user: 'bingo',
      password: 'p@ss%',
      tls: { mode: 'disable' },
    })
  })

  it('accepts the default port, IPv6 hosts, sockets and the mariadb scheme', () => {
    expect(parseSourceUrl('mariadb://u@[::1]')).toMatchObject({ host: '::1', port: 3306, password: '' })
    expect(parseSourceUrl('mysql://u@localhost?socket=/run/mysqld.sock').socketPath).toBe('/run/mysqld.sock')
  })

  it('prefers the separate TLS mode over the one in the URL', () => {
    expect(parseSourceUrl('mysql://u@db?tls=require').tls.mode).toBe('require')
    expect(parseSourceUrl('mysql://u@db?tls=require', { mode: 'verify-full' }).tls.mode).toBe('verify-full')
  })

  it('prints neither user nor password', () => {
    expect(printAddress(parseSourceUrl('mysql://me:secret@db'))).toBe('db:3306')
  })

  it.each([
    ['postgres://u:secret@db', 'instead of mysql://'],
    ['db:3306/secret', 'begins with'],
    ['secret', 'does not begin with a scheme and //'],
    ['mysql://u:secret@db:99999', 'the port is not between 1 and 65535'],
    ['mysql://u:secret@db:port', 'the port is not a number'],
    ['mysql://u:secret@::1', 'in brackets'],
    ['mysql://u:secret@[::1:3306', 'bracket of the IPv6 address is not closed'],
    ['mysql://u:se#secret@db', '%23'],
    ['mysql://u:se/secret@db', '%2F'],
    ['mysql://u:se?secret@db', '%3F'],
    ['mysql://u:secret@', 'the host is missing'],
    ['mysql://u:secret@db?ssl=true', 'unknown option "ssl"'],
    ['mysql://u:secret@db/#x', '%23'],
    ['mysql://u:sec ret@db?ssl=true', 'unknown option "ssl"'],
    ['mysql://:secret@db', 'user'],
    ['mysql://u:secret@db?tls=maybe', 'disable, require'],
    ['mysql://u:secret%@db', '%25'],
  ])('refuses %s without quoting it', (url, part) => {
    const attempt = (): unknown => parseSourceUrl(url)
    expect(attempt).toThrow(expect.objectContaining({ code: 'BINGO_SOURCE_URL_INVALID' }))
    expect(attempt).toThrow(part)
    expect(attempt).not.toThrow('secret')
  })

  it('reports which TLS file cannot be read', () => {
    expect(() => parseSourceUrl('mysql://u@db?tls=verify-ca&ca=/nowhere/ca.pem')).toThrow('/nowhere/ca.pem')
  })
})

describe('parseHostPort', () => {
  it.each([
    ['db1:3307', { host: 'db1', port: 3307 }],
    [' db-1.example.com ', { host: 'db-1.example.com', port: 3306 }],
    ['[::1]:3307', { host: '::1', port: 3307 }],
    ['10.0.0.1', { host: '10.0.0.1', port: 3306 }],
    ['db1:0', undefined],
    ['db1:99999', undefined],
    ['mysql://db1', undefined],
    ['user@db1', undefined],
    ['', undefined],
  ])('reads %s', (text, expected) => {
    expect(parseHostPort(text)).toEqual(expected)
  })
})
