// SPDX-License-Identifier: Apache-2.0

/// The metrics that exist, by the names under which they are scraped. Dashboards and alert rules may use no others.
public enum MetricName: String, CaseIterable, Sendable {
    // The original's, with its meanings.
    case servedFromCache = "imageproxy_requests_served_from_cache_total"
    case transformationDuration = "imageproxy_transformation_duration_seconds"
    case remoteFetchErrors = "imageproxy_remote_fetch_errors_total"
    case httpDuration = "http_request_duration_seconds"
    case httpInFlight = "http_requests_in_flight"

    case requests = "imageproxy_requests_total"
    case requestDuration = "imageproxy_request_duration_seconds"
    case errors = "imageproxy_errors_total"
    case refusals = "imageproxy_refusals_total"
    case stageDuration = "imageproxy_stage_duration_seconds"
    case formatDuration = "imageproxy_format_duration_seconds"
    case transformedBytes = "imageproxy_transformed_bytes_total"
    case transformations = "imageproxy_transformations_total"
    case fetches = "imageproxy_fetches_total"
    case originBytes = "imageproxy_origin_bytes_total"
    case clientBytes = "imageproxy_client_bytes_total"
    case cacheLookups = "imageproxy_cache_lookups_total"
    case cacheLookupDuration = "imageproxy_cache_lookup_duration_seconds"
    case cacheStores = "imageproxy_cache_stores_total"
    case cacheAvailable = "imageproxy_cache_available"
    case purges = "imageproxy_purges_total"
    case cacheEntries = "imageproxy_cache_entries"
    case cacheBytes = "imageproxy_cache_bytes"
    case connections = "imageproxy_connections"
    case ready = "imageproxy_ready"
    case loopLag = "imageproxy_loop_lag_seconds"
    case accessLinesDropped = "imageproxy_access_log_dropped_total"
    case reloads = "imageproxy_reloads_total"
    case jobsQueued = "imageproxy_jobs_queued"
    case jobsQueueLimit = "imageproxy_jobs_queue_limit"
    case jobsRunning = "imageproxy_jobs_running"
    case workersWanted = "imageproxy_workers_wanted"
    case workersRunning = "imageproxy_workers_running"
    case workersBusy = "imageproxy_workers_busy"
    case workersAdvised = "imageproxy_workers_advised"
    case workerRestarts = "imageproxy_worker_restarts_total"
    case workerDeaths = "imageproxy_worker_deaths_total"
    case sandboxLayers = "imageproxy_sandbox_layer"
    case buildInfo = "imageproxy_build_info"

    // Of the process, as every exporter has them.
    case processCPU = "process_cpu_seconds_total"
    case processMemory = "process_resident_memory_bytes"
    case processDescriptors = "process_open_fds"
    case processMaxDescriptors = "process_max_fds"
    case processStart = "process_start_time_seconds"

    /// For `# HELP`; the original's own words where the metric is its.
    public var help: String {
        switch self {
        case .servedFromCache: "Number of requests served from cache."
        case .transformationDuration: "Time taken for image transformations in seconds."
        case .remoteFetchErrors: "Total remote image fetch errors"
        case .httpDuration: "Request response times"
        case .httpInFlight: "Number of requests in flight"
        case .requests: "Requests for pictures by outcome and status."
        case .requestDuration: "Time from a request for a picture to its answer, by outcome; of hits also by cache."
        case .errors: "Requests for pictures that were refused or failed, by reason."
        case .refusals: "Clients that were told to come back later, or turned away at once, by reason."
        case .stageDuration: "Time spent in each stage of a request that was not answered from the cache."
        case .formatDuration: "Time of a transformation by its source's format, waiting for a worker included."
        case .transformedBytes: "Bytes of the sources and of the results of transformations; the difference is saved."
        case .transformations: "Transformations by source format, result format and result."
        case .fetches: "Fetches from origins by outcome."
        case .originBytes: "Bytes of pictures received from origins."
        case .clientBytes: "Bytes of bodies sent to clients."
        case .cacheLookups: "Look-ups in each kind of cache by result."
        case .cacheLookupDuration: "Time of a look-up in each kind of cache beyond this process's memory."
        case .cacheStores: "Entries that were to be written to each kind of cache, by what became of them."
        case .cacheAvailable: "1 while each kind of cache can be read or written, 0 while it is left alone."
        case .purges: "Purges that this front was told, by how far they reached."
        case .cacheEntries: "Entries in each cache in memory now."
        case .cacheBytes: "Bytes that the entries of each cache in memory take now."
        case .ready: "1 while this front should be given requests, else 0."
        case .loopLag: "The longest turn of the event loop in the last minute: how long everything else had to wait."
        case .accessLinesDropped: "Lines of the access log that were dropped because it takes them too slowly."
        case .reloads: "Settings read anew while running, by result."
        case .connections: "Connections of clients that are open now."
        case .jobsQueued: "Jobs that wait for a worker now."
        case .jobsQueueLimit: "Jobs that may wait for a worker."
        case .jobsRunning: "Jobs that workers are busy with now."
        case .workersWanted: "Workers that this front is told to run; 0 when somebody else runs them."
        case .workersRunning: "Workers that this front runs now."
        case .workersBusy: "Workers that this front kept busy over the last minute, on average."
        case .workersAdvised: "Workers that the load of the last minute would keep four fifths busy."
        case .workerRestarts: "Workers that ended and were replaced."
        case .workerDeaths: "Children of workers that ended without an answer, by cause."
        case .sandboxLayers: "1 for each layer of the workers' sandbox that is in force."
        case .buildInfo: "The version of this program."
        case .processCPU: "Total user and system CPU time spent in seconds."
        case .processMemory: "Resident memory size in bytes."
        case .processDescriptors: "Number of open file descriptors."
        case .processMaxDescriptors: "Maximum number of open file descriptors."
        case .processStart: "Start time of the process since unix epoch in seconds."
        }
    }

    /// For `# TYPE`.
    public var type: String {
        switch self {
        case .transformationDuration, .httpDuration: "summary"
        case .requestDuration, .stageDuration, .formatDuration, .cacheLookupDuration: "histogram"
        case .httpInFlight, .loopLag, .cacheAvailable, .cacheEntries, .cacheBytes, .connections, .ready, .jobsQueued,
            .jobsQueueLimit, .jobsRunning, .workersWanted, .workersRunning, .workersBusy, .workersAdvised,
            .sandboxLayers, .buildInfo, .processMemory, .processDescriptors, .processMaxDescriptors, .processStart:
            "gauge"
        default: "counter"
        }
    }
}
