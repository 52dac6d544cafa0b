import { expect, test } from 'vitest';
import { fromCarrier } from '../../src/telemetry/trace-context.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test.each([
  ['vendor=value,t61@other=a b', true],
  [`vendor=${'x'.repeat(505)}`, true],
  [`vendor=${'x'.repeat(506)}`, false],
  ['Anna Example', false],
  ['vendor=M\u00fcller', false],
  ['', false],
])('tracestate that goes into histories is short, and a list: %s', (tracestate, isPassedOn) => {
  expect(fromCarrier({ traceparent, tracestate })).toHaveProperty('traceId');
  expect(fromCarrier({ traceparent, tracestate })?.state).toBe(isPassedOn ? tracestate : undefined);
});
