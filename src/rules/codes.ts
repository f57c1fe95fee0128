/**
 * Stable codes of problems that the rule loader finds, each with what the author of the rule does about it. Action types
 * add codes of their own (`BINGO_RULE_REDIS_…`).
 */
export const RULE_CODES = {
  /** No file matches the patterns: check the path, or `rules` in the configuration. */
  noFiles: 'BINGO_RULE_NO_FILES',
  /** A file cannot be read, or is too large: check its permissions and size. */
  file: 'BINGO_RULE_FILE',
  /** The file is not valid YAML: mend the place shown. */
  yaml: 'BINGO_RULE_YAML',
  /** A key that does not exist here: correct its spelling. */
  unknownKey: 'BINGO_RULE_UNKNOWN_KEY',
  /** A key that must be there is not: add it. */
  missing: 'BINGO_RULE_MISSING',
  /** A value has the wrong type or form: write it as the hint shows. */
  type: 'BINGO_RULE_TYPE',
  /** A value is none of those allowed. */
  value: 'BINGO_RULE_VALUE',
  /** Two rules have the same id: rename one. */
  duplicateId: 'BINGO_RULE_DUPLICATE_ID',
  /** A filter that is not valid CEL, or does not yield true or false. */
  badFilter: 'BINGO_RULE_BAD_FILTER',
  /** A `match:` that is not a valid pattern. */
  badMatch: 'BINGO_RULE_BAD_MATCH',
  /** A template that is not valid. */
  badTemplate: 'BINGO_RULE_BAD_TEMPLATE',
  /** Warning: `{id}` or `${id}` stands where `{{id}}` may be meant. */
  placeholder: 'BINGO_RULE_PLACEHOLDER',
  /** Warning: a name of a template means a variable, and the table has a column that is called so. */
  shadowedColumn: 'BINGO_RULE_SHADOWED_COLUMN',
  /** A rule with `on` reads what the events that it matches do not have: say in `source` what it is for. */
  eventKind: 'BINGO_RULE_EVENT_KIND',
  /** A schema of events that cannot be read, or that a rule does not fit. */
  schema: 'BINGO_RULE_SCHEMA',
  /** Warning: a rule reads what the schema of its events does not name, or that may be missing. */
  unknownField: 'BINGO_RULE_UNKNOWN_FIELD',
  /** Warning: a step of a saga cannot be undone where another one fails: write compensate, or compensate: none. */
  sagaUndo: 'BINGO_RULE_SAGA_UNDO',
  /** A saga waits for what never comes, or (warning) without end. */
  sagaWait: 'BINGO_RULE_SAGA_WAIT',
  /** `${env:…}` or `${file:…}` leads nowhere: set the variable or write the file. */
  secret: 'BINGO_RULE_SECRET_MISSING',
  /** An action names a target that `targets:` of the configuration does not have. */
  unknownTarget: 'BINGO_RULE_UNKNOWN_TARGET',
  /** A lookup whose statement is no single SELECT. */
  lookupStatement: 'BINGO_RULE_LOOKUP_STATEMENT',
  /** Warning: no action of the rule reads the lookup. */
  unusedLookup: 'BINGO_RULE_LOOKUP_UNUSED',
  /** A column that a table of the rule does not have. */
  unknownColumn: 'BINGO_RULE_UNKNOWN_COLUMN',
  /** A column's type does not fit what the rule does with it; a warning where that fails for some rows only. */
  columnType: 'BINGO_RULE_COLUMN_TYPE',
  /** Warning: a column that can be NULL stands where NULL is an error. */
  nullable: 'BINGO_RULE_NULLABLE',
  /** Warning: the server leaves a column out of some of the rule's events. */
  unloggedColumn: 'BINGO_RULE_UNLOGGED_COLUMN',
  /** Warning: a rule tells rows apart by their primary key, and a table of it has none. */
  noPrimaryKey: 'BINGO_RULE_NO_PRIMARY_KEY',
  /** Warning: no table of the source matches the rule. */
  noTable: 'BINGO_RULE_NO_TABLE',
  /** Warning: a name with capital letters, on a server that has names in lower case. */
  tableCase: 'BINGO_RULE_TABLE_CASE',
  /** Warning: no rule is there, or all are disabled. */
  noRules: 'BINGO_RULE_NONE',
} as const
