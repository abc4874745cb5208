/** A table as samples: rows of features made by an encoding, and their targets. */
import { counted, DataError } from '../data-error.js';
import { encodeClasses, fitClasses, parseNumber } from '../labels.js';
import { howSpoilt } from './spoilt-number.js';
import type { TableEncoding } from '../encoding.js';
import type { EncodedSamples, SampleFile } from '../source.js';
import type { Rows, Table, TargetKind } from '../fields.js';
import {
  missingColumn,
  completeRows,
  encodeColumn,
  encodeNumeric,
  fitColumn,
  refuseMissingTargets,
  widthOf,
} from './columns.js';
import type { Column } from './column.js';
import { describeColumn } from './describe.js';
import { bucketsOf, isCategorical, type Roles, type TableParams } from './roles.js';
import { errorAt, type ColumnTable } from './table.js';

/** The samples of `whole` with the columns of `roles`, which its file must have. */
export function sampleFile(
  whole: ColumnTable,
  roles: Roles,
  params: TableParams,
  target: TargetKind,
): SampleFile<TableEncoding> {
  const columnsOf = (table: ColumnTable, names: readonly string[]): Column[] => {
    const byName = new Map(table.columns.map((column) => [column.name, column]));
    return names.map((name) => byName.get(name) ?? missingColumn(table, name));
  };
  const used = columnsOf(whole, [...roles.features, ...roles.targets]);
  const table = params.missing === 'drop' ? withoutIncompleteRows(whole, used) : whole;
  const features = columnsOf(table, roles.features);
  const named = new Map(features.map((column) => [column.name, column]));
  const featureNamed = (name: string): Column => {
    const column = named.get(name);
    if (column === undefined) throw new Error(`column "${name}" is no feature`);
    return column;
  };
  const targets = columnsOf(table, roles.targets);
  for (const column of targets) refuseMissingTargets(table, column);
  const labels = target === 'classes' ? targets[0].labels() : undefined;
  const placeOfTarget = (row: number) => table.placeOf(row, targets[0]);

  return {
    file: table.file,
    size: table.size,
    labels,
    describe: () => used.map((column) => describeColumn(column, isCategorical(column.name, params))),
    fit: (rows: Rows): TableEncoding => ({
      kind: 'table',
      columns: features.map((column) =>
        fitColumn(table, column, rows, {
          categorical: isCategorical(column.name, params),
          buckets: bucketsOf(column.name, params),
          missing: params.missing,
          indicator: params.missing_indicator,
        }),
      ),
      targets: [...roles.targets],
      ...(labels === undefined ? {} : { classes: fitClasses(labels, rows, placeOfTarget), exact_names: true }),
      ...(target === 'labels' ? { classes: [...roles.targets] } : {}),
    }),
    encode: (rows: Rows, encoding: TableEncoding): EncodedSamples => {
      const size = rows?.length ?? table.size;
      const columnOfEntry: number[] = [];
      const offsets = encoding.columns.map((column, i) => {
        const offset = columnOfEntry.length;
        for (let entry = widthOf(column); entry > 0; entry--) columnOfEntry.push(i);
        return offset;
      });
      const width = columnOfEntry.length;
      const values = new Float64Array(size * width);
      const encoded = encoding.columns.map(({ name }) => featureNamed(name));
      encoded.forEach((column, i) => {
        const target = { values, width, offset: offsets[i] };
        encodeColumn(table, column, rows, encoding.columns[i], params.missing, target);
      });
      const encodeTargets = (): Table | undefined => {
        if (labels !== undefined) {
          return {
            shape: [],
            dtype: 'i32',
            values: encodeClasses(labels, rows, encoding, placeOfTarget),
          };
        }
        switch (target) {
          case 'labels':
            return yesOrNoTargets(table, targets, rows);
          case 'numbers':
            return regressionTargets(table, targets, rows);
          default:
            return undefined;
        }
      };
      const placeOf = (sample: number, entry: number) =>
        table.placeOf(rows === undefined ? sample : rows[sample], encoded[columnOfEntry[entry]]);
      return { features: { shape: [width], values }, targets: encodeTargets(), placeOf };
    },
  };
}

function withoutIncompleteRows(table: ColumnTable, used: readonly Column[]): ColumnTable {
  const rows = completeRows(used, table.size);
  if (rows.length === table.size) return table;
  if (rows.length === 0) {
    throw new DataError(`every one of the ${counted(table.size, 'row')} has a missing value`, {
      file: table.file,
      hint: 'drop the columns that are mostly empty, or set data.source.missing to mean or median',
    });
  }
  const columns = used.map((column) => column.select(rows));
  const placeOf: ColumnTable['placeOf'] = (row, column) => table.placeOf(rows[row], column);
  return { ...table, columns, size: rows.length, placeOf };
}

const YES = new Set(['1', 'true', 'yes']);
const NO = new Set(['0', 'false', 'no']);

/** 1 for yes and 0 for no in each of `columns`. Throws DataError where a field is neither. */
function yesOrNoTargets(table: ColumnTable, columns: readonly Column[], rows: Rows): Table {
  const size = rows?.length ?? table.size;
  const width = columns.length;
  const values = new Float32Array(size * width);
  columns.forEach((column, offset) => {
    const { values: texts, codes } = column.labels();
    const meanings = texts.map((text) => text.toLowerCase()).map((text) => (YES.has(text) ? 1 : NO.has(text) ? 0 : NaN)); // prettier-ignore
    for (let i = 0; i < size; i++) {
      const row = rows === undefined ? i : rows[i];
      const code = codes[row];
      if (Number.isNaN(meanings[code])) {
        const problem = `expected 0 or 1 (or true, false, yes, no) in the label column "${column.name}", got "${texts[code].slice(0, 60)}"`;
        throw errorAt(table, column, row, problem, 'for one column of class names set task: classification');
      }
      values[i * width + offset] = meanings[code];
    }
  });
  return { shape: [width], dtype: 'f32', values };
}

/** Whether no row has a number, or what is meant as one. */
const isText = (column: Column): boolean =>
  !column.hasNumbers &&
  column.values.every((text) => Number.isNaN(parseNumber(text)) && howSpoilt(text) === undefined) &&
  column.values.some((text) => !column.isMissing(text));

function regressionTargets(table: ColumnTable, columns: readonly Column[], rows: Rows): Table {
  const size = rows?.length ?? table.size;
  const width = columns.length;
  const values = new Float64Array(size * width);
  columns.forEach((column, offset) => {
    if (isText(column)) {
      const problem = `the target column "${column.name}" is text`;
      throw errorAt(table, column, 0, problem, 'for class names set task: classification');
    }
    encodeNumeric(table, column, rows, undefined, { values, width, offset });
  });
  const rounded = Float32Array.from(values);
  const bad = rounded.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const row = Math.floor(bad / width);
    const column = columns[bad % width];
    const problem = `${values[bad]} in column "${column.name}" is too large for a 32-bit float`;
    throw errorAt(table, column, rows === undefined ? row : rows[row], problem);
  }
  return { shape: [width], dtype: 'f32', values: rounded };
}
