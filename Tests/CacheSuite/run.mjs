// SPDX-License-Identifier: Apache-2.0
//
// Runs the public suite http-tests/cache-tests against a front, and says how each of its tests ended. Called by
// scripts/cache-tests:
//
//     node run.mjs names DIRECTORY                  the fields of requests and of answers that its tests use
//     node run.mjs test DIRECTORY FRONT ORIGIN [ID]

const [mode, directory, front, origin, id] = process.argv.slice(2)
const { default: suites } = await import(`${directory}/tests/index.mjs`)

/** Fields of answers with which an origin would speak for this service; none of them is ever passed on. */
const neverPassed = ['Set-Cookie', 'Set-Cookie2', 'Clear-Site-Data', 'Content-Security-Policy', 'X-Frame-Options',
  'Public-Key-Pins', 'Content-Range']

/** Fields that the suite fills with words that mean nothing: an answer in a coding that nobody knows is refused. */
const codings = ['Content-Encoding', 'Transfer-Encoding']

/** What a cache of pictures cannot be asked, with the reason; nothing else is left out. */
function whyNot(test) {
  if (test.browser_only) return 'for browsers'
  if (test.cdn_only) return 'CDN-Cache-Control is not heard'
  const methods = new Set(test.requests.map(request => request.request_method ?? 'GET'))
  for (const method of ['GET', 'HEAD']) methods.delete(method)
  if (methods.size > 0) return `${[...methods].join(', ')}: pictures are only read`
  const interim = test.requests.some(request => request.expected_interim_responses)
  if (interim) return 'interim answers (1xx) are not passed on'
  const statuses = test.requests.map(request => request.response_status?.[0])
  if (statuses.includes(404)) return 'a 404 has a body of its own, and none of the fields that the suite looks at'
  if (statuses.includes(206)) return 'an origin is never asked for a part'
  const sent = test.requests.flatMap(request => request.response_headers ?? [])
  for (const name of neverPassed) {
    if (sent.some(field => field[0] === name && field[2] !== false)) {
      return `${name} is never passed on: an origin would speak for this service`
    }
  }
  for (const name of codings) {
    if (test.id === `headers-store-${name}`) return `${name}: an answer in an unknown coding is refused`
  }
  return null
}

const all = suites.flatMap(suite => suite.tests)
const applicable = all.filter(test => (id === undefined || test.id === id) && !whyNot(test))

if (mode === 'names') {
  const names = kind => new Set(applicable.flatMap(test => test.requests)
    .flatMap(request => request[kind] ?? []).map(field => field[0].toLowerCase()))
  console.log([...names('request_headers')].sort().join(','))
  console.log([...names('response_headers')].sort().join(','))
  process.exit()
}

// How the suite tells its own server what to answer, and asks what that has seen, is no business of a cache.
const fetchAnything = globalThis.fetch
globalThis.fetch = (url, init) => fetchAnything(String(url).replace(/^.*(?=\/(config|state)\/)/, origin), init)

const { runTests, getResults } = await import(`${directory}/test-engine/client/runner.mjs`)
const { determineTestResult, resultTypes } = await import(`${directory}/test-engine/lib/results.mjs`)
await runTests([{ tests: applicable }], false, front)
const results = getResults()

const ended = test => determineTestResult(suites, test.id, results)
const isGood = test => [resultTypes.pass, resultTypes.yes].includes(ended(test))
const hard = applicable.filter(test => ended(test) === resultTypes.fail)
for (const kind of ['required', 'optimal', 'check']) {
  const tests = applicable.filter(test => (test.kind ?? 'required') === kind)
  const rest = tests.filter(test => !isGood(test))
  console.log(`${kind.padEnd(9)} ${tests.length - rest.length} of ${tests.length}`)
  if (kind === 'check') continue
  for (const test of rest) {
    const name = Object.keys(resultTypes).find(name => resultTypes[name] === ended(test)).replace('_', ' ')
    const why = [results[test.id]].flat().slice(1).join(' ').replace(/\s+/g, ' ')
    console.log(`  ${name}: ${test.id}${why && `: ${why}`}`)
  }
}
console.log(`hard failures ${hard.length}`)
// By the reason, how many there are of each of the suite's own kinds.
const left = {}
for (const test of all.filter(whyNot)) {
  const kinds = left[whyNot(test)] ??= {}
  const kind = test.kind ?? 'required'
  kinds[kind] = (kinds[kind] ?? 0) + 1
}
for (const why in left) {
  console.log(`not asked: ${Object.entries(left[why]).map(([kind, count]) => `${count} ${kind}`).join(', ')} (${why})`)
}
