// SPDX-License-Identifier: Apache-2.0

/// An origin's answer, complete and within every limit.
struct FetchedResource: Sendable {
    /// Where it came from: the last hop's URL, in the form that ``FetchTarget/url`` has. An entity tag or a date in
    /// ``headers`` speaks of this URL only, see ``Fetcher/fetch(_:headers:validatorsOf:)``.
    let url: String
    let status: Int
    /// In the order they came, names as sent.
    let headers: HTTPFields
    let body: Blob
}
