import type { FuzzSubject } from '../subject.ts'
import { api } from './api.ts'
import { binlogFile, binlogStream } from './binlog.ts'
import { cel } from './cel.ts'
import { config } from './config.ts'
import { letters } from './letters.ts'
import { login } from './login.ts'
import { places } from './places.ts'
import { rules } from './rules.ts'
import { samples } from './samples.ts'
import { sql } from './sql.ts'
import { stored } from './stored.ts'
import { template } from './template.ts'

export const SUBJECTS: readonly FuzzSubject[] = [
  binlogStream,
  binlogFile,
  rules,
  config,
  template,
  places,
  cel,
  samples,
  letters,
  stored,
  sql,
  login,
  api,
]
