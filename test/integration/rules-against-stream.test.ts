import { expect, test } from 'vitest'
import { Daemon } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

test.each([
  ['MySQL', () => startMysql({ gtid: true })],
  ['MariaDB', () => startMariadb({ version: '10.11' })],
])('An account of %s that may only replicate learns from the stream what is wrong with the rules', async (_, start) => {
  await using server = await start()
  await server.query(`CREATE DATABASE shop;
    CREATE TABLE shop.users (id INT PRIMARY KEY, total DECIMAL(9,2) NOT NULL, state ENUM('new','paid') NOT NULL);
    CREATE USER bingo@'%' IDENTIFIED BY 'secret';
    GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bingo@'%'`)
  const rules = `rules:
  - {id: typo, table: shop.users, filter: new.totl != null, onFailure: skip, actions: [{type: log}]}
  - {id: value, table: shop.users, filter: new.state == 'payd', actions: [{type: log}]}
  - {id: fine, table: shop.users, filter: new.state == 'paid', actions: [{type: log}]}
`
  const sourceUrl = `mysql://bingo:secret@127.0.0.1:${server.port}`
  await using daemon = await Daemon.start({ rules, sourceUrl })
  expect(await daemon.metric('bingo_rule_table_errors')).toBe(0)
  await server.query("INSERT INTO shop.users VALUES (1, 2, 'new')")
  await daemon.shows('bingo_rule_table_errors', 1)
  await daemon.shows('bingo_rule_table_warnings', 1)
  await server.query('ALTER TABLE shop.users ADD COLUMN note INT')
  await server.query("INSERT INTO shop.users VALUES (2, 2, 'new', 3)")
  await daemon.shows('bingo_rows_read_total', 2)
  expect(await daemon.stop()).toBe(0)
  const said = daemon.said(({ msg }) => msg.includes('rules.yaml:'))
  expect(said.map(({ level, code, rule }) => [level, code, rule])).toEqual([
    ['error', 'BINGO_RULE_UNKNOWN_COLUMN', 'typo'],
    ['warn', 'BINGO_RULE_COLUMN_TYPE', 'value'],
  ])
  expect(said[0]!.msg).toMatch(/rules\.yaml:2:\d+ .*"totl".*total/)
})
