// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Answers out of the memory by the request that they were given to, so that the same request need not be understood
/// again: not its URL, nor who may ask, nor what stands in the answer's head.
///
/// Requests are the same when they have the same target, and the same in every field that decides anything here; what
/// asks for a part never is. The bytes stay with the memory and are asked for each time, so an entry that was dropped,
/// replaced or purged is not answered with, and one that is asked for counts as used.
///
/// All that is decided by the settings: other settings need another object.
@LoopActor
final class RepeatedAnswers {
    /// What is known of one request.
    final class Answer {
        fileprivate let question: [UInt8]
        let place: CacheTiers.RecentPlace
        /// 200, or 304, which has no body.
        let status: Int
        private let freshness: Freshness
        private let wishes: RequestDirectives
        private let validUntil: Int64
        /// nil = that of the moment.
        private let date: String?
        /// The head from after date and age on.
        private let fields: [UInt8]

        fileprivate init(
            question: [UInt8], place: CacheTiers.RecentPlace, status: Int, freshness: Freshness,
            wishes: RequestDirectives, validUntil: Int64, date: String?, fields: [UInt8]
        ) {
            self.question = question
            self.place = place
            self.status = status
            self.freshness = freshness
            self.wishes = wishes
            self.validUntil = validUntil
            self.date = date
            self.fields = fields
        }

        /// Whether the answer is as right as it was.
        func isValid(at now: Int64) -> Bool {
            (self.validUntil == 0 || now < self.validUntil) && self.freshness.reuse(at: now, self.wishes) == .fresh
        }

        func head(date: String, now: Int64) -> [UInt8] {
            HTTPResponse.head(
                status: self.status, date: self.date ?? date, age: self.freshness.shownAge(at: now), fields: self.fields
            )
        }
    }

    /// Names of fields that decide, in lower case.
    private let deciding: [[UInt8]]
    private let isOff: Bool
    /// By hash; where two meet, the newer one stays. An entry takes about a kilobyte.
    private var answers = ContiguousArray<Answer?>(repeating: nil, count: RepeatedAnswers.capacity)
    /// The question that was looked for last.
    private var question: [UInt8] = []

    /// A power of two.
    private static let capacity = 4096
    private static let longestQuestion = 2048
    private static let never: [[UInt8]] = ["range", "if-range"].map { Array($0.utf8) }

    init(_ configuration: Configuration) {
        // Of one entry, whether it has changed since is always answered in the same way.
        var names = ["if-none-match", "if-modified-since"] + configuration.passRequestHeaders.map { $0.lowercased() }
        if !configuration.autoFormat.isEmpty { names.append("accept") }
        if !configuration.access.referrers.isEmpty { names.append("referer") }
        self.deciding = Set(names).sorted().map { Array($0.utf8) }
        // A line for each request, and fields that are others in each answer, are not made here.
        self.isOff = configuration.verbose || !configuration.diagnosticHeaders.isSubset(of: [.cache])
    }

    /// The answer that the same request had.
    func find(_ head: RequestHead) -> Answer? {
        guard self.ask(head), let answer = self.answers[self.slot], answer.question == self.question else { return nil }
        return answer
    }

    /// - Parameter response: what `head`, of a GET, was answered with, from the memory.
    func remember(
        _ response: HTTPResponse, to head: RequestHead, at place: CacheTiers.RecentPlace, _ freshness: Freshness,
        _ wishes: RequestDirectives, validUntil: Int64
    ) {
        guard response.status == 200 || response.status == 304, head.method == "GET", self.ask(head),
            let fields = response.serializedFields(closes: false)
        else { return }
        self.answers[self.slot] = Answer(
            question: self.question, place: place, status: response.status, freshness: freshness, wishes: wishes,
            validUntil: validUntil, date: response.date, fields: fields)
    }

    /// Sets `question` to what decides the answer to a request.
    ///
    /// - Returns: whether a request like it can have an answer here.
    private func ask(_ head: RequestHead) -> Bool {
        guard !self.isOff, head.targetRange.count <= Self.longestQuestion else { return false }
        self.question.removeAll(keepingCapacity: true)
        self.question += head.bytes[head.targetRange]
        for field in head.fields {
            if Self.position(of: field.name, head, in: Self.never) != nil { return false }
            guard let index = Self.position(of: field.name, head, in: self.deciding) else { continue }
            // Neither a target nor a value has a line feed in it.
            self.question.append(0x0A)
            self.question += self.deciding[index]
            self.question.append(0x3A)
            self.question += head.bytes[field.value]
        }
        return self.question.count <= Self.longestQuestion
    }

    private static func position(of name: Range<Int>, _ head: RequestHead, in names: [[UInt8]]) -> Int? {
        for (index, wanted) in names.enumerated() where wanted.count == name.count {
            if zip(head.bytes[name], wanted).allSatisfy({ RequestHead.lowercased($0) == $1 }) { return index }
        }
        return nil
    }

    private var slot: Int {
        var hasher = Hasher()
        self.question.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize() & (Self.capacity - 1)
    }
}
