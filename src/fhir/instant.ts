/** Milliseconds by which the clock of a FHIR server may differ from ours. */
export const CLOCKS_DIFFER = 5 * 60_000;

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-](\d\d):(\d\d))$/;

/**
 * Says what keeps a text from being a FHIR instant (date, time with seconds, zone), or nothing when it is one.
 * Source: FHIR R4, data type `instant`, and the calendar, which has no 30 February.
 */
export function faultOfInstant(text: string): string | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return 'must be a FHIR instant with seconds and zone, such as 2026-01-01T00:00:00Z';
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year === 0) return 'has no year 0000';
  if (month < 1 || month > 12) return `has no month ${match[2]}`;
  const daysOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day < 1 || day > daysOfMonth) return `has a day that does not exist: ${match[1]}-${match[2]}-${match[3]}`;
  if (hour > 23 || minute > 59 || second > 60) return 'has a time that does not exist';
  if (match[9] !== undefined && (Number(match[9]) * 60 + Number(match[10]) > 14 * 60 || Number(match[10]) > 59))
    return 'has a zone that does not exist';
  return undefined;
}
