import type { startMysql } from './servers/mysql.ts'

type Server = Awaited<ReturnType<typeof startMysql>>

/** Statements whose traces in the binlog are out of the ordinary. */
const COMMON = [
  'create database shop',
  'use shop',
  'create table t (id int primary key auto_increment, y year, u int unsigned, v varchar(300), e enum("a","b,c") character set latin1, j json, c char(255))',
  `insert into t (y,u,v,e,j) values (2020,4000000000,repeat('x',200),'a','{"a":1,"b":"xxxxxxxxxxxxxxxxxxxxxxxxxxxx"}')`,
  "update t set j=json_set(j,'$.a',2)",
  "xa start 'x1'",
  "insert into t (v) values ('xa1')",
  "xa end 'x1'",
  "xa prepare 'x1'",
  "second: insert into t (v) values ('between')",
  "xa commit 'x1'",
  "xa start 'x2','b',7",
  "insert into t (v) values ('xa2')",
  "xa end 'x2','b',7",
  "xa commit 'x2','b',7 one phase",
  "xa start 'x3'",
  "insert into t (v) values ('xa3')",
  "xa end 'x3'",
  "xa prepare 'x3'",
  "xa rollback 'x3'",
  'begin',
  "insert into t (v) values ('s1')",
  'savepoint `A b`',
  "insert into t (v) values ('s2')",
  'rollback to `a B`',
  "insert into t (v) values ('s3')",
  'commit',
  'begin',
  "insert into t (v) values ('r1')",
  'rollback',
  'create table ctas as select * from t',
  'create temporary table tt (id int)',
  'insert into tt values (1)',
  'drop temporary table tt',
  'create user joe',
  'grant select on *.* to joe',
  'flush privileges',
  'rename table ctas to ctas2',
  'truncate ctas2',
  'drop table if exists ctas2, nope',
  'create view vv as select 1',
  'create index i on t (u)',
  'alter table t add column z int invisible',
  'create trigger tr after insert on t for each row set @a=1',
  "insert into t (v) values ('last')",
  'delete from t where id=1',
]

const MYSQL = [
  "set gtid_next='automatic:mytag'",
  "insert into t (v) values ('tagged')",
  "set gtid_next='automatic'",
  'set binlog_transaction_compression=on',
  "insert into t (v) values ('comp'),('comp2')",
  'set sql_generate_invisible_primary_key=on',
  'create table gipk (a int, s set("p","q"))',
  "insert into gipk values (1,'p,q')",
  'create table ctas3 as select * from t',
]

const MARIADB = [
  'create table m (id int) engine=myisam',
  'begin',
  "insert into t (v) values ('s1')",
  'savepoint s',
  "insert into t (v) values ('s2')",
  'insert into m values (1)',
  'rollback to s',
  "insert into t (v) values ('s3')",
  'commit',
  'create sequence sq',
  'select nextval(sq)',
  'create table uu (id uuid primary key, ip inet6)',
  "insert into uu values (uuid(),'::1')",
  'set binlog_alter_two_phase=1',
  'alter table uu add z int',
]

/** Runs them all, those marked `second:` on a connection of their own. */
export async function writeUnusualBinlog(server: Server): Promise<void> {
  const first = await server.connect()
  const second = await server.connect()
  await second.query('set @@session.autocommit = 1')
  for (const statement of [...COMMON, ...(server.flavour === 'mysql' ? MYSQL : MARIADB)]) {
    if (statement.startsWith('second: ')) {
      await second.query('use shop')
      await second.query(statement.slice('second: '.length))
    } else await first.query(statement)
  }
  await first.end()
  await second.end()
}
