import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../../src/app/config/load.ts'
import { SETTING_PATHS, environmentName } from '../../../src/app/config/settings.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { Random } from '../../support/random-tables.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'

const WHOLE = readFileSync('config/bingo.yaml', 'utf8').replaceAll(/^# (?=[a-z ]+:|  )/gm, '')
const VALUES = [
  '',
  '0',
  '-1',
  '1e999',
  '10s',
  '999999999999d',
  'NaN',
  '32MiB',
  '99999999999GiB',
  'true',
  'null',
  'latest',
  'mysql://u:p@h:3306',
  'mysql://u:%zz@h',
  'mysql://[::1',
  'redis://:@:0/999',
  'rediss+sentinel://a,b',
  'file:',
  '127.0.0.1:8686',
  ':99999',
  '0.0.0.0:80',
  '${env:NOT_THERE}',
  '${file:/dev/zero}',
  '${file:/proc/self/mem}',
  '/dev/zero',
  '/proc/kmsg',
  'binlog.000001:4',
  'binlog.1:99999999999999',
  '0-1-1',
  'x'.repeat(100_000),
  '10.0.0.0/99',
  '*'.repeat(5_000),
]

export const config: FuzzSubject = {
  name: 'config',
  attempt(random, folder) {
    const file = join(folder, 'bingo.yaml')
    writeFileSync(file, mutateText(WHOLE, random, VALUES))
    try {
      const { problems } = readConfig({
        file,
        env: environment(random),
        cwd: folder,
        sourceRequired: random.chance(50),
      })
      for (const { message, code } of problems) if (message === '' || code === '') throw new Error('an empty problem')
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}

function environment(random: Random): { [name: string]: string } {
  const env: { [name: string]: string } = {}
  for (const path of SETTING_PATHS) if (random.chance(8)) env[environmentName(path)] = random.pick(VALUES)
  if (random.chance(10)) env[`BINGO_${random.text(12)}`] = random.text(5)
  return env
}
