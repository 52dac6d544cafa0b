import { expect, test } from 'vitest';
import { Sha256Sums } from '../../../src/storage/s3/sha256-sums.ts';

const BODY = Buffer.from('x');
const SUM = { ChecksumSHA256: 'LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=' };
const refusal = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

/** Sends bodies to a storage that takes no checksums while it is said so. */
function storage() {
  const sums = new Sha256Sums();
  const seen: object[] = [];
  const state: { fault?: Error | undefined; always?: boolean } = {};
  const ask = async (sum: object): Promise<object> => {
    seen.push(sum);
    if (state.fault !== undefined && (state.always === true || Object.keys(sum).length > 0)) throw state.fault;
    return {};
  };
  return { seen, state, send: () => sums.send(BODY, ask), begin: () => sums.begin(ask) };
}

test('a storage that refuses checksums is sent none, and is asked twice only once', async () => {
  const { seen, state, send, begin } = storage();
  state.fault = refusal('NotImplemented', 501);
  await send();
  await send();
  expect(seen).toEqual([SUM, {}, {}]);
  await begin();
  await begin();
  expect(seen.slice(3)).toEqual([{ ChecksumAlgorithm: 'SHA256' }, {}, {}]);
});

test('what is refused without a checksum, too, says nothing of checksums', async () => {
  const { seen, state, send } = storage();
  Object.assign(state, { fault: refusal('InvalidRequest', 400), always: true });
  await expect(send()).rejects.toThrow('InvalidRequest');
  state.fault = undefined;
  await send();
  expect(seen).toEqual([SUM, {}, SUM]);
});

test.each([
  ['BadDigest', 400],
  ['ExpiredToken', 400],
  ['PreconditionFailed', 412],
  ['ConditionalRequestConflict', 409],
  ['NoSuchUpload', 404],
  ['InternalError', 500],
])('a body is not sent without its checksum after %s', async (name, status) => {
  const { seen, state, send } = storage();
  state.fault = refusal(name, status);
  await expect(send()).rejects.toThrow(name);
  expect(seen).toEqual([SUM]);
});

test('a storage that has taken a checksum is sent no body without one', async () => {
  const { seen, state, send } = storage();
  await send();
  state.fault = refusal('InvalidRequest', 400);
  await expect(send()).rejects.toThrow('InvalidRequest');
  expect(seen).toEqual([SUM, SUM]);
});
