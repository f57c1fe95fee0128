import { describe, expect, it } from 'vitest'
import { Grants } from '../../../../../../src/sources/mysql/server/preflight/grants.ts'

describe('Grants', () => {
  it('distinguishes global privileges from others', () => {
    const grants = new Grants(
      [
        "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `bingo`@`%` IDENTIFIED BY PASSWORD '*AB'",
        'GRANT SELECT (`a`, `b`), INSERT ON `shop`.`users` TO `bingo`@`%`',
      ],
      "'bingo'@'%'",
    )
    expect(grants.hasGlobal('REPLICATION SLAVE')).toBe(true)
    expect(grants.hasGlobal('REPLICATION CLIENT', 'BINLOG MONITOR')).toBe(true)
    expect(grants.hasGlobal('SELECT')).toBe(false)
    expect(grants.hasAny('SELECT')).toBe(true)
    expect(grants.hasAny('DELETE')).toBe(false)
    expect(grants.hasRoles).toBe(false)
  })

  it.each([
    [['GRANT SELECT (`id`) ON `shop`.`users` TO `b`@`%`'], false],
    [['GRANT SELECT (`id`), DELETE ON `shop`.`users` TO `b`@`%`'], true],
    [['GRANT SELECT (`id`) ON `shop`.`users` TO `b`@`%`', 'GRANT SELECT ON `shop`.* TO `b`@`%`'], true],
    [['GRANT SELECT (`id`) ON `shop`.`users` TO `b`@`%`', 'GRANT SELECT ON *.* TO `b`@`%`'], true],
    [['GRANT SELECT (`id`) ON `shop`.`orders` TO `b`@`%`'], true],
    [['GRANT USAGE ON *.* TO `b`@`%`', 'GRANT SELECT (`id`, `a`) ON `shop`.`users` TO `b`@`%`'], false],
  ])('knows whether %j shows all columns of a table: %s', (lines, expected) => {
    expect(new Grants(lines, '').showsAllColumns({ schema: 'shop', name: 'users' })).toBe(expected)
  })

  it('treats ALL PRIVILEGES as every privilege, and knows roles', () => {
    const grants = new Grants(['GRANT ALL PRIVILEGES ON *.* TO `root`@`%`', 'GRANT `reader`@`%` TO `root`@`%`'], '')
    expect(grants.hasGlobal('REPLICATION SLAVE')).toBe(true)
    expect(grants.hasRoles).toBe(true)
  })
})
