# The bridge between Jido.MemoryOS and the memoryos-observability exporter. One file without dependencies: copy it into
# an application, or name this directory as a path dependency. Installation: README.md beside mix.exs.
#
# Reading order: MemoryOSBridge (what an application calls), ReleaseController and MemoryOS (drop-in modules), Operations
# (timing), Rollout (which mode a target is in), History (what MemoryOS forgets), Reader (asking a busy process),
# Document (the stats document), JSON, HTTP and Plug (serving it).

defmodule MemoryOSBridge do
  @moduledoc """
  Times calls to MemoryOS, remembers what it forgets, and serves both as one stats document, `memoryos-stats/1`.

      children = [
        # … MemoryOS's MemoryManager and ReleaseController …
        {MemoryOSBridge, port: 9944}
      ]

  Options, all optional:

    * `:port` - where the listener serves `/stats`; `nil` for none (an application with Plug mounts
      `MemoryOSBridge.Plug`). Default 9944.
    * `:ip` - address of the listener, a tuple. Default `{127, 0, 0, 1}`; any other than loopback needs a `:token`.
    * `:token` - bearer token that a reader must send, to the listener or the plug. Default `nil`: none.
    * `:max_connections` - connections served at a time; more are answered 503. Default 16.
    * `:manager`, `:release` - the local MemoryManager and ReleaseController, as a name or pid. Default: their modules' names.
    * `:timeout_ms` - how long a document waits for a busy process. Default 2000.
    * `:refresh_ms` - how often, looked at every second, the rollout status is read to tell the mode of a call. Default 5000.
    * `:rollback_timeout_ms` - how long `evaluate_rollback` waits for its verdict. Default 60000.

  The bridge keeps what it counts in one ETS table, made when it starts and lost when it stops: `operations.since` tells.
  Every function here still does its work on MemoryOS when the bridge is not running; only the counting is left out.
  """

  use Supervisor
  require Logger

  alias MemoryOSBridge.{Document, History, HTTP, JSON, Operations, Reader, Rollout}

  # MemoryOS is the application's dependency, not this file's: it need not be there when this file is compiled.
  @compile {:no_warn_undefined, Jido.MemoryOS.Migration}

  @defaults [
    port: 9944,
    ip: {127, 0, 0, 1},
    token: nil,
    max_connections: 16,
    manager: Jido.MemoryOS.MemoryManager,
    release: Jido.MemoryOS.ReleaseController,
    timeout_ms: 2_000,
    refresh_ms: 5_000,
    rollback_timeout_ms: 60_000
  ]

  @type mode :: :legacy | :dual_run | :memory_os

  @doc "Starts the bridge. Raises `ArgumentError` for an option that is unknown or wrong."
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options \\ []), do: Supervisor.start_link(__MODULE__, checked!(options), name: __MODULE__)

  @impl true
  def init(options) do
    # The supervisor owns the table, so that no crash of a child loses a count.
    :ets.new(__MODULE__, [:named_table, :public, read_concurrency: true, write_concurrency: true])
    :ets.insert(__MODULE__, {:options, options})
    Operations.create()
    History.create()

    children =
      [
        MemoryOSBridge.Sweeper,
        Supervisor.child_spec({Reader, {:manager, options}}, id: :manager),
        Supervisor.child_spec({Reader, {:release, options}}, id: :release)
      ] ++ if(options.port, do: HTTP.children(options), else: [])

    # Generous, because giving up would be passed on to the application's own supervisor: no child fails in its start,
    # and an instrument must not stop what it measures.
    Supervisor.init(children, strategy: :one_for_one, max_restarts: 1_000, max_seconds: 5)
  end

  @doc "The stats document as a map. Takes at most `:timeout_ms`, whatever state MemoryOS is in; raises when the bridge is not running."
  @spec document() :: map()
  def document, do: Document.build(options!())

  @doc "The stats document as JSON."
  @spec json() :: iodata()
  def json, do: JSON.encode(document())

  @doc """
  Runs `function`, counts it as one call of `operation`, and returns what it returned or raises what it raised.

  `target` is the target of the call, whose effective mode the call is counted under, or that mode itself. `operation` is
  `:remember`, `:retrieve`, `:forget`, `:prune`, `:consolidate` or `:explain_retrieval`; anything else counts as `:other`.
  `{:error, reason}` and `:error` count as failed, by the error code in `reason`.
  """
  @spec measure(atom(), map() | mode(), fun()) :: term()
  def measure(operation, target, function) when is_atom(operation) and is_function(function, 0) do
    mode = if is_atom(target), do: target, else: Rollout.mode(target)
    Operations.measure(operation, mode, function)
  end

  @doc "`Jido.MemoryOS.Migration.migrate_target/2`, its result added to the `migration` totals unless it is a dry run."
  @spec migrate(map(), keyword()) :: {:ok, map()} | {:error, term()}
  def migrate(target, options \\ []) do
    migrate = fn -> Jido.MemoryOS.Migration.migrate_target(target, options) end

    if Keyword.get(options, :dry_run) in [true, "true"],
      do: migrate.(),
      else: History.run(:migration, migrate)
  end

  @doc "`Jido.MemoryOS.Migration.reconcile_target/2`, its result remembered as the target's parity."
  @spec reconcile_target(map(), keyword()) :: {:ok, map()} | {:error, term()}
  def reconcile_target(target, options \\ []) do
    result = Jido.MemoryOS.Migration.reconcile_target(target, options)
    if History.kind(result) == :parity, do: History.add(:parity, result)
    result
  end

  @doc """
  Adds a result that was obtained in another VM (`bin/app eval`), or a list of them: of `migrate_target/2`,
  `reconcile_target/2`, `reconcile_post_rollback/3` or `evaluate_rollback/2`, as MemoryOS returned it.

  Only the counts and times are read, so a result may be shortened to them. A list is taken whole or not at all.
  """
  @spec report(term()) :: :ok | {:error, String.t()}
  def report(results) do
    results = if is_list(results), do: results, else: [results]
    entries = Enum.map(results, &{&1, History.kind(&1)})

    case Enum.find(entries, fn {_result, kind} -> kind == nil end) do
      nil ->
        options!()
        Enum.each(entries, fn {result, kind} -> History.add(kind, result) end)

      {result, nil} ->
        {:error,
         "not a result of migrate_target, reconcile_target, reconcile_post_rollback or evaluate_rollback: " <>
           inspect(result, limit: 5, printable_limit: 80)}
    end
  end

  @doc """
  Counts one call of a deprecated API: `deprecated("Jido.MemoryOS.old/2", "0.3.0")`.

  Raises `ArgumentError` when `api` is not `Module.function/arity` or `removal` is not a version.
  """
  @spec deprecated(String.t(), String.t()) :: :ok
  def deprecated(api, removal), do: History.deprecated(api, removal)

  @doc "Reads the rollout status soon, so that the next calls are counted under the right mode."
  @spec refresh() :: :ok
  def refresh, do: GenServer.cast(Reader.name(:release), :refresh)

  @doc "The port that the listener is bound to, `nil` while it is not."
  @spec port() :: :inet.port_number() | nil
  def port, do: HTTP.port()

  @doc false
  # An option in force, or its default when the bridge is not running.
  def option(key) do
    Map.fetch!(:ets.lookup_element(__MODULE__, :options, 2), key)
  rescue
    ArgumentError -> Keyword.fetch!(@defaults, key)
  end

  defp options! do
    :ets.lookup_element(__MODULE__, :options, 2)
  rescue
    ArgumentError ->
      raise "MemoryOSBridge is not running: add {MemoryOSBridge, []} to the children of the application's supervisor"
  end

  defp checked!(options) do
    case Keyword.validate(options, @defaults) do
      {:ok, all} ->
        Enum.each(all, fn {key, value} -> valid?(key, value) || wrong!(key, value) end)
        all = Map.new(all)
        exposed? = all.port != nil and not loopback?(all.ip) and all.token == nil

        exposed? &&
          raise ArgumentError, "MemoryOSBridge: ip #{inspect(all.ip)} is not loopback: give a token: too"

        all

      {:error, unknown} ->
        known = Keyword.keys(@defaults)

        raise ArgumentError,
              "MemoryOSBridge: unknown options #{inspect(unknown)}; known are #{inspect(known)}"
    end
  end

  defp valid?(:port, port), do: port == nil or port in 0..65_535
  defp valid?(:ip, ip), do: :inet.ntoa(ip) != {:error, :einval}
  defp valid?(:token, token), do: token == nil or (is_binary(token) and token != "")

  defp valid?(key, server) when key in [:manager, :release],
    do: is_pid(server) or (is_atom(server) and server not in [nil, true, false])

  defp valid?(_number, value), do: is_integer(value) and value > 0

  @expected [
    port: "a port number or nil",
    ip: "an address such as {127, 0, 0, 1}",
    token: "a string that is not empty, or nil",
    manager: "a local name or pid",
    release: "a local name or pid"
  ]
  defp wrong!(key, value) do
    shown = if key == :token, do: "", else: " #{inspect(value)}"
    expected = Keyword.get(@expected, key, "a whole number above 0")
    raise ArgumentError, "MemoryOSBridge: #{key}:#{shown} is not #{expected}"
  end

  defp loopback?({127, _, _, _}), do: true
  defp loopback?({0, 0, 0, 0, 0, 0, 0, 1}), do: true
  defp loopback?(_ip), do: false
end

defmodule MemoryOSBridge.ReleaseController do
  @moduledoc """
  Stands in for `Jido.MemoryOS.ReleaseController`: the same functions, timed and remembered.

      alias MemoryOSBridge.ReleaseController   # instead of alias Jido.MemoryOS.ReleaseController

  `remember` and `retrieve` are counted under the effective mode of their target, read from the controller that the bridge
  was started with.
  """

  alias Jido.MemoryOS.ReleaseController, as: Controller
  alias MemoryOSBridge.{History, Operations, Reader, Rollout}

  @compile {:no_warn_undefined, Controller}

  # MemoryOS answers nobody else while it reconciles, so the targets are handed to it in batches of this size.
  @batch 20

  @doc "`remember/4` of the controller, timed."
  def remember(server \\ Controller, target, attrs, options \\ []) do
    Operations.measure(:remember, Rollout.mode(target), fn ->
      Controller.remember(server, target, attrs, options)
    end)
  end

  @doc "`retrieve/4` of the controller, timed."
  def retrieve(server \\ Controller, target, query, options \\ []) do
    Operations.measure(:retrieve, Rollout.mode(target), fn ->
      Controller.retrieve(server, target, query, options)
    end)
  end

  @doc """
  `evaluate_rollback/2` of the controller, with what it silently takes for `:stable` refused.

  `snapshot` needs `latency_p95_ms` (a number from 0), `error_rate` (0 to 1, not a percentage) and `queue_depth` (a whole
  number from 0); otherwise the answer is `{:error, {:invalid_snapshot, why}}` and MemoryOS is not asked. It waits for
  `:rollback_timeout_ms`, because MemoryOS takes long exactly when it should roll back. When even that is over, the answer
  is the rollback that the status shows by then, or `{:error, {:undecided, why}}`: it may still happen.
  """
  @spec evaluate_rollback(GenServer.server(), map() | keyword()) ::
          {:ok, :stable | {:rollback, map()}} | {:error, {:invalid_snapshot | :undecided, String.t()}}
  def evaluate_rollback(server \\ Controller, snapshot) do
    case checked(snapshot) do
      {:ok, snapshot} ->
        evaluate(server, snapshot)

      {:error, why} ->
        History.evaluated(:refused)
        {:error, {:invalid_snapshot, why}}
    end
  end

  defp evaluate(server, snapshot) do
    asked_at = System.system_time(:millisecond)

    try do
      patient_call(server, &Controller.evaluate_rollback(&1, snapshot))
    catch
      :exit, {:timeout, _call} ->
        History.evaluated(:timeout)
        status_after_timeout(server, asked_at)

      kind, reason ->
        History.evaluated(:error)
        :erlang.raise(kind, reason, __STACKTRACE__)
    else
      result ->
        History.add(:evaluation, result)
        result
    after
      MemoryOSBridge.refresh()
    end
  end

  # The public function has GenServer's 5 s, so only its message is taken from it.
  defp patient_call(server, function) do
    case Reader.message_of(function) do
      {:ok, message} -> GenServer.call(server, message, MemoryOSBridge.option(:rollback_timeout_ms))
      _not_one_message -> function.(server)
    end
  end

  defp status_after_timeout(server, asked_at) do
    case Reader.ask(server, &Controller.status/1, MemoryOSBridge.option(:timeout_ms)) do
      {:ok, %{last_rollback: %{at: at} = rollback}} when at >= asked_at ->
        {:ok, {:rollback, rollback}}

      _no_rollback_seen ->
        {:error,
         {:undecided,
          "no answer in #{MemoryOSBridge.option(:rollback_timeout_ms)} ms. MemoryOS still has the request and may roll " <>
            "back: read ReleaseController.status/1 until it answers"}}
    end
  end

  defp checked(snapshot) when is_list(snapshot) do
    if Keyword.keyword?(snapshot), do: snapshot |> Map.new() |> checked(), else: checked(nil)
  end

  defp checked(%{} = snapshot) do
    values = for key <- [:latency_p95_ms, :error_rate, :queue_depth], do: {key, value(snapshot, key)}

    case Enum.find(values, fn {key, value} -> not sound?(key, value) end) do
      nil ->
        {:ok, Map.new(values)}

      {key, nil} ->
        {:error, "#{key} is missing; MemoryOS would take it for 0"}

      {key, value} ->
        {:error, "#{key} is #{inspect(value, limit: 5, printable_limit: 80)}, not #{wanted(key)}"}
    end
  end

  defp checked(_other),
    do: {:error, "the snapshot is a map or keyword list of latency_p95_ms, error_rate, queue_depth"}

  # MemoryOS looks for the atom first.
  defp value(snapshot, key), do: Map.get_lazy(snapshot, key, fn -> Map.get(snapshot, Atom.to_string(key)) end)

  defp sound?(:latency_p95_ms, value), do: is_number(value) and value >= 0
  defp sound?(:error_rate, value), do: is_number(value) and value >= 0 and value <= 1
  defp sound?(:queue_depth, value), do: is_integer(value) and value >= 0

  defp wanted(:latency_p95_ms), do: "a number of milliseconds from 0"
  defp wanted(:error_rate), do: "a share from 0 to 1 (3 % is 0.03)"
  defp wanted(:queue_depth), do: "a whole number from 0"

  @doc """
  `reconcile_post_rollback/3` of the controller, in batches, its totals remembered.

  The targets go to the controller `batch:` (default #{@batch}) at a time, because it answers nothing else until a batch ends.
  The answer is that of MemoryOS for all targets, with `failed_records` added to the summary: MemoryOS answers `{:ok, …}`
  with `failed: 0` although records failed.
  """
  @spec reconcile_post_rollback(GenServer.server(), [map()], keyword()) :: {:ok, map()} | {:error, term()}
  def reconcile_post_rollback(server \\ Controller, targets, options \\ []) when is_list(targets) do
    {batch, options} = Keyword.pop(options, :batch, @batch)

    (is_integer(batch) and batch > 0) ||
      raise ArgumentError, "batch: #{inspect(batch)} is not a whole number above 0"

    if targets == [] do
      Controller.reconcile_post_rollback(server, [], options)
    else
      reconcile = fn -> reconcile(server, Enum.chunk_every(targets, batch), options) end
      sound? = &match?({:ok, %{failed_records: 0}}, &1)
      History.run(:reconciliation, reconcile, &History.ended(:reconciliation, sound?.(&1)))
    end
  end

  defp reconcile(server, batches, options) do
    summaries =
      Enum.reduce_while(batches, [], fn targets, done ->
        case Controller.reconcile_post_rollback(server, targets, options) do
          {:ok, summary} -> {:cont, [remembered(summary) | done]}
          {:error, {:reconciliation_failed, summary}} -> {:cont, [remembered(summary) | done]}
          {:error, reason} -> {:halt, {reason, done}}
        end
      end)

    case summaries do
      # Batches before the refused one did write, so their records are reported with the failure.
      {reason, []} -> {:error, reason}
      {reason, done} -> {:error, {:reconciliation_failed, Map.put(merged(done), :reason, reason)}}
      done -> verdict(merged(done))
    end
  end

  # Counted batch by batch: a later one may never return.
  defp remembered(summary) do
    History.count_records(:reconciliation, History.records(summary.reports))
    summary
  end

  defp merged(summaries) do
    reports = summaries |> Enum.reverse() |> Enum.flat_map(& &1.reports)
    total = fn key -> summaries |> Enum.map(&Map.fetch!(&1, key)) |> Enum.sum() end
    summary = Map.new([:targets, :successful, :failed, :migrated_count], &{&1, total.(&1)})
    {_migrated, failed_records} = History.records(reports)
    Map.merge(summary, %{reports: reports, failed_records: failed_records})
  end

  defp verdict(%{failed: 0} = summary), do: {:ok, summary}
  defp verdict(summary), do: {:error, {:reconciliation_failed, summary}}

  @doc "`set_mode/2` of the controller; the bridge reads the new mode at once."
  def set_mode(server \\ Controller, mode), do: then_refresh(Controller.set_mode(server, mode))

  @doc "`configure_rollout/2` of the controller; the bridge reads the new cohort at once."
  def configure_rollout(server \\ Controller, options) when is_list(options),
    do: then_refresh(Controller.configure_rollout(server, options))

  defp then_refresh(result) do
    MemoryOSBridge.refresh()
    result
  end

  # The rest is here so that changing one alias is enough.
  defdelegate mode(server \\ Controller), to: Controller
  defdelegate status(server \\ Controller), to: Controller
  defdelegate drift_summary(server \\ Controller), to: Controller
  defdelegate cutover_ready?(server \\ Controller), to: Controller
end

defmodule MemoryOSBridge.MemoryOS do
  @moduledoc """
  Stands in for the facade `Jido.MemoryOS`: the same functions, timed and remembered.

      alias MemoryOSBridge.MemoryOS   # instead of alias Jido.MemoryOS

  Calls are counted under `memory_os`, because the facade goes there past the controller, whatever mode that is in.
  """

  alias MemoryOSBridge.Operations

  @compile {:no_warn_undefined, Jido.MemoryOS}

  @doc "`Jido.MemoryOS.remember/3`, timed."
  def remember(target, attrs, options \\ []),
    do: Operations.measure(:remember, :memory_os, fn -> Jido.MemoryOS.remember(target, attrs, options) end)

  @doc "`Jido.MemoryOS.retrieve/3`, timed."
  def retrieve(target, query, options \\ []),
    do: Operations.measure(:retrieve, :memory_os, fn -> Jido.MemoryOS.retrieve(target, query, options) end)

  @doc "`Jido.MemoryOS.forget/3`, timed."
  def forget(target, id, options \\ []),
    do: Operations.measure(:forget, :memory_os, fn -> Jido.MemoryOS.forget(target, id, options) end)

  @doc "`Jido.MemoryOS.prune/2`, timed."
  def prune(target, options \\ []),
    do: Operations.measure(:prune, :memory_os, fn -> Jido.MemoryOS.prune(target, options) end)

  @doc "`Jido.MemoryOS.consolidate/2`, timed."
  def consolidate(target, options \\ []),
    do: Operations.measure(:consolidate, :memory_os, fn -> Jido.MemoryOS.consolidate(target, options) end)

  @doc "`Jido.MemoryOS.explain_retrieval/3`, timed."
  def explain_retrieval(target, query, options \\ []) do
    Operations.measure(:explain_retrieval, :memory_os, fn ->
      Jido.MemoryOS.explain_retrieval(target, query, options)
    end)
  end

  @doc "`Jido.MemoryOS.migrate_legacy/2`, remembered: `MemoryOSBridge.migrate/2`."
  defdelegate migrate_legacy(target, options \\ []), to: MemoryOSBridge, as: :migrate

  @doc "`Jido.MemoryOS.reconcile_legacy/2`, remembered: `MemoryOSBridge.reconcile_target/2`."
  defdelegate reconcile_legacy(target, options \\ []), to: MemoryOSBridge, as: :reconcile_target
end

defmodule MemoryOSBridge.Operations do
  @moduledoc """
  Caller-side timing: durations, outcomes and calls in flight, by effective mode and operation.

  What has ended is in one `:counters` array, without locks. What has not is one row a call in an ETS table, with the
  caller's pid: a caller that was killed runs no clean-up code, so only its pid can tell that its call is over. Such a call
  is counted as `call_timeout` (the caller stopped waiting) when it is found.
  """

  @table MemoryOSBridge
  @in_flight MemoryOSBridge.InFlight

  @modes [:legacy, :dual_run, :memory_os, :other]
  @operations [:remember, :retrieve, :forget, :prune, :consolidate, :explain_retrieval, :other]
  @codes ~w(
    upstream_error upstream_error_list manager_timeout manager_throttled manager_agent_throttled manager_overloaded
    manager_agent_overloaded call_timeout runtime_exception runtime_incompatible invalid_config exit access_denied cancelled
    not_found namespace_required invalid_query invalid_id invalid_tier invalid_metadata invalid_lifecycle_transition other
  )a
  # Every SLO of MemoryOS and the default rollback limit is a bound, so that crossing one of them is seen exactly.
  @bounds_ms [5, 10, 25, 50, 100, 120, 150, 250, 300, 450, 600, 650, 700, 900, 1000] ++
               [1100, 2500, 5000, 10_000, 15_000, 30_000]

  # One series is @width counters: the buckets (the last one has no bound), the sum in microseconds, ok, and each code.
  @buckets length(@bounds_ms) + 1
  @sum @buckets + 1
  @ok @buckets + 2
  @first_code @buckets + 3
  @width @buckets + 2 + length(@codes)

  @doc "Makes the counters and the table of calls in flight, owned by the calling process."
  def create do
    counters = :counters.new(length(@modes) * length(@operations) * @width, [])
    :ets.new(@in_flight, [:named_table, :public, write_concurrency: true])
    :ets.insert(@table, {:operations, counters, System.system_time(:millisecond)})
  end

  @doc "Runs `function` and counts it; returns what it returned, raises what it raised."
  def measure(operation, mode, function) do
    call = enter(operation, mode)

    try do
      function.()
    catch
      kind, reason ->
        leave(call, failure(kind, reason))
        :erlang.raise(kind, reason, __STACKTRACE__)
    else
      result ->
        leave(call, outcome(result))
        result
    end
  end

  # A bridge that stops or is not there must not fail the call: ETS raises ArgumentError for a table that is gone.
  defp enter(operation, mode) do
    counters = :ets.lookup_element(@table, :operations, 2)
    series = series(mode, operation)
    id = make_ref()
    started = System.monotonic_time()
    :ets.insert(@in_flight, {id, self(), series, started})
    {id, counters, series, started}
  rescue
    ArgumentError -> nil
  end

  defp leave(nil, _outcome), do: :ok

  defp leave({id, counters, series, started}, outcome) do
    count(counters, series, System.monotonic_time() - started, outcome)
    :ets.delete(@in_flight, id)
  rescue
    ArgumentError -> :ok
  end

  defp count(counters, series, duration, outcome) do
    microseconds = System.convert_time_unit(duration, :native, :microsecond)
    base = series * @width
    :counters.add(counters, base + bucket(microseconds), 1)
    :counters.add(counters, base + @sum, microseconds)
    :counters.add(counters, base + outcome, 1)
  end

  for {bound, index} <- Enum.with_index(@bounds_ms, 1) do
    defp bucket(microseconds) when microseconds <= unquote(bound * 1000), do: unquote(index)
  end

  defp bucket(_microseconds), do: @buckets

  for {mode, row} <- Enum.with_index(@modes), {operation, column} <- Enum.with_index(@operations) do
    defp series(unquote(mode), unquote(operation)), do: unquote(row * length(@operations) + column)
  end

  defp series(mode, _operation) when mode in @modes, do: series(mode, :other)
  defp series(_mode, operation), do: series(:other, operation)

  defp outcome({:error, reason}), do: code(reason)
  defp outcome(:error), do: code(:upstream_error)
  defp outcome(_ok), do: @ok

  defp failure(:exit, {:timeout, _call}), do: code(:call_timeout)
  defp failure(:exit, _reason), do: code(:exit)
  defp failure(_error_or_throw, _reason), do: code(:runtime_exception)

  # The code of an error. MemoryOS's own errors carry it; an error of the legacy store, which does not, gets the one that
  # MemoryOS would give it: its name if that is a code, `upstream_error` otherwise. So the modes can be compared.
  defp code(%{details: %{code: code}}), do: if(code in @codes, do: code(code), else: code(:other))

  for {code, index} <- Enum.with_index(@codes),
      do: defp(code(unquote(code)), do: unquote(@first_code + index))

  defp code({:exit, reason}), do: failure(:exit, reason)
  defp code({:exception, _exception, _stacktrace}), do: code(:runtime_exception)
  defp code({:missing_runtime_capabilities, _module, _missing}), do: code(:runtime_incompatible)
  defp code({:invalid_tier_transition, _from, _to}), do: code(:invalid_lifecycle_transition)
  defp code({:invalid_mem_os_field, _field, _value}), do: code(:invalid_metadata)
  defp code({:error, reason}), do: code(reason)

  defp code(reason) when is_tuple(reason) and tuple_size(reason) > 0 and elem(reason, 0) in @codes,
    do: code(elem(reason, 0))

  defp code(reasons) when is_list(reasons), do: code(:upstream_error_list)
  defp code(_reason), do: code(:upstream_error)

  @doc "Counts the calls whose callers are dead, and gives the rows of those that are in flight."
  def sweep do
    {living, dead} =
      @in_flight |> :ets.tab2list() |> Enum.split_with(fn {_id, pid, _, _} -> Process.alive?(pid) end)

    Enum.each(dead, fn {id, _pid, _series, _started} -> bury(:ets.take(@in_flight, id)) end)
    living
  end

  defp bury([{_id, _pid, series, started}]) do
    counters = :ets.lookup_element(@table, :operations, 2)
    count(counters, series, System.monotonic_time() - started, code(:call_timeout))
  end

  # Somebody else's sweep was first.
  defp bury([]), do: :ok

  @doc """
  The `operations` part of the document.

  Counters begin at 0, so that the first increase is seen: remember and retrieve are there in every mode from the beginning
  and any other series from its first call, each with every error code.
  """
  def part do
    counters = :ets.lookup_element(@table, :operations, 2)
    since = :ets.lookup_element(@table, :operations, 3)
    waiting = Enum.group_by(sweep(), &elem(&1, 2), &elem(&1, 3))
    now = System.monotonic_time()

    series =
      for mode <- @modes,
          operation <- @operations,
          index = series(mode, operation),
          read = fn offset -> :counters.get(counters, index * @width + offset) end,
          counts = Enum.map(1..@buckets, read),
          started = Map.get(waiting, index, []),
          always?(mode, operation) or started != [] or Enum.any?(counts, &(&1 > 0)) do
        %{
          mode: mode,
          operation: operation,
          ok: read.(@ok),
          errors:
            Map.new(Enum.with_index(@codes, @first_code), fn {code, offset} -> {code, read.(offset)} end),
          in_flight: length(started),
          oldest_ms: oldest_ms(started, now),
          bounds_ms: @bounds_ms,
          counts: counts,
          sum_ms: read.(@sum) / 1000
        }
      end

    %{since: since, series: series}
  end

  defp always?(mode, operation), do: mode != :other and operation in [:remember, :retrieve]

  defp oldest_ms([], _now), do: nil

  defp oldest_ms(started, now),
    do: max(System.convert_time_unit(now - Enum.min(started), :native, :millisecond), 0)
end

defmodule MemoryOSBridge.Rollout do
  @moduledoc """
  The effective mode of a target, from the rollout status as last read.

  A target outside the cohort runs as `legacy` in every mode. The cohort is: at stage `internal` the internal groups; at
  `canary` those, and targets whose hashed id, or no id, falls below the canary ratio; at `global` all.
  """

  @table MemoryOSBridge

  @doc "Remembers what of `ReleaseController.status/1` decides the effective mode."
  def put(status) do
    groups = Map.new(Map.get(status, :internal_groups, []), &{&1, true})
    :ets.insert(@table, {:rollout, status.mode, status.rollout_stage, status.canary_ratio, groups})
  end

  @doc "The effective mode of `target`; `:other` before the status was read for the first time."
  def mode(target) do
    case :ets.lookup(@table, :rollout) do
      [{:rollout, mode, stage, ratio, groups}] ->
        if admitted?(stage, target, ratio, groups), do: mode, else: :legacy

      [] ->
        :other
    end
  rescue
    ArgumentError -> :other
  end

  defp admitted?(:global, _target, _ratio, _groups), do: true
  defp admitted?(:internal, target, _ratio, groups), do: is_map_key(groups, group(target))

  defp admitted?(:canary, target, ratio, groups),
    do: is_map_key(groups, group(target)) or share(id(target)) < ratio

  defp admitted?(_stage, _target, _ratio, _groups), do: false

  defp group(%{group: group}) when is_binary(group), do: group
  defp group(%{"group" => group}) when is_binary(group), do: group
  defp group(_target), do: "external"

  defp id(%{id: id}) when is_binary(id), do: id
  defp id(%{"id" => id}) when is_binary(id), do: id
  defp id(%{agent: %{id: id}}) when is_binary(id), do: id
  defp id(_target), do: nil

  defp share(nil), do: 0.0
  defp share(id), do: :erlang.phash2(id, 10_000) / 10_000
end

defmodule MemoryOSBridge.History do
  @moduledoc """
  What MemoryOS does not keep: totals of migrations, reconciliations, rollback evaluations and deprecated calls, and the
  last known parity of each target. Target ids stay in this node.
  """

  require Logger

  @table MemoryOSBridge
  @parity MemoryOSBridge.Parity

  # One row a part, its columns from the second place on; the last one is a time.
  @columns %{
    migration: [:targets_succeeded, :targets_failed, :records_migrated, :records_failed, :last_at],
    reconciliation: [:succeeded, :failed, :records_migrated, :records_failed, :last_at],
    parity: [:equal, :missing, :extra, :checked_at],
    rollback_evaluations: [:stable, :rollback, :refused, :timeout, :error, :last_at]
  }

  @doc "Makes the rows, all 0, and the table of parities, owned by the calling process."
  def create do
    for {row, columns} <- @columns,
        do: :ets.insert(@table, List.to_tuple([row | List.duplicate(0, length(columns))]))

    :ets.new(@parity, [:named_table, :public, write_concurrency: true])
  end

  @doc "Runs a migration or reconciliation; it is `running` while its caller lives, and failed if it does not return."
  def run(kind, function, remember \\ nil) do
    remember = remember || (&add(kind, &1))
    id = {:run, make_ref()}
    safely(fn -> :ets.insert(@table, {id, self(), kind}) end)

    try do
      function.()
    catch
      raised, reason ->
        ended(kind, false)
        :erlang.raise(raised, reason, __STACKTRACE__)
    else
      result ->
        remember.(result)
        result
    after
      safely(fn -> :ets.delete(@table, id) end)
    end
  end

  @doc "Counts the runs whose callers are dead as failed."
  def sweep do
    for [id, pid, kind] <- :ets.match(@table, {{:run, :"$1"}, :"$2", :"$3"}), not Process.alive?(pid) do
      if :ets.take(@table, {:run, id}) != [], do: ended(kind, false)
    end
  end

  @doc "Which call a result is of, told by its shape: nil when it is of none."
  def kind({:ok, :stable}), do: :evaluation
  def kind({:ok, {:rollback, %{}}}), do: :evaluation

  def kind({:ok, %{target_id: _, legacy_count: a, memory_os_count: b}}) when is_integer(a) and is_integer(b),
    do: :parity

  def kind({:ok, %{reports: reports}}) when is_list(reports), do: :reconciliation
  def kind({:error, {:reconciliation_failed, %{reports: reports}}}) when is_list(reports), do: :reconciliation
  def kind({:ok, %{migrated_count: _, failed_count: _}}), do: :migration
  def kind({:error, {_reason, _record, %{migrated_count: _, failed_count: _}}}), do: :migration
  def kind(_result), do: nil

  @doc "Adds the result of a call of `kind`."
  def add(:migration, {:ok, %{dry_run: true}}), do: :ok

  def add(:migration, result) do
    {_migrated, failed} = records = records(result)
    count_records(:migration, records)
    ended(:migration, match?({:ok, _}, result) and failed == 0, finished_at([result]))
  end

  def add(:reconciliation, {verdict, summary}) do
    reports = if verdict == :ok, do: summary.reports, else: elem(summary, 1).reports
    {_migrated, failed} = records = records(reports)
    count_records(:reconciliation, records)
    ended(:reconciliation, verdict == :ok and failed == 0, finished_at(reports))
  end

  def add(:parity, {:ok, %{legacy_count: legacy, memory_os_count: memory_os} = comparison}) do
    state =
      cond do
        legacy == memory_os -> :equal
        legacy > memory_os -> :missing
        true -> :extra
      end

    safely(fn ->
      put_parity({comparison.target_id, Map.get(comparison, :legacy_namespace)}, state)
      stamp(:parity, time(comparison, :compared_at))
    end)
  end

  def add(:evaluation, {:ok, :stable}), do: evaluated(:stable)
  def add(:evaluation, {:ok, {:rollback, _reason}}), do: evaluated(:rollback)
  def add(:evaluation, _other), do: evaluated(:error)

  @doc "Counts one end of a migration or reconciliation; `sound?`: no record failed."
  def ended(kind, sound?, at \\ now()) do
    safely(fn ->
      [succeeded, failed | _] = @columns[kind]
      increment(kind, [{if(sound?, do: succeeded, else: failed), 1}])
      stamp(kind, at)
    end)
  end

  @doc "Counts `{migrated, failed}` records."
  def count_records(kind, {migrated, failed}),
    do: safely(fn -> increment(kind, records_migrated: migrated, records_failed: failed) end)

  @doc "`{migrated, failed}` records of one migration, or of the reports of a reconciliation, whatever the call said."
  def records(reports) when is_list(reports) do
    Enum.reduce(reports, {0, 0}, fn report, {migrated, failed} ->
      {more_migrated, more_failed} = records(report)
      {migrated + more_migrated, failed + more_failed}
    end)
  end

  def records(result) do
    report = report(result)
    {number(report, :migrated_count), number(report, :failed_count)}
  end

  # The report of one target in each place where MemoryOS puts it.
  defp report({:ok, %{} = report}), do: report
  defp report({:error, {_reason, _record, %{} = report}}), do: report
  defp report(%{report: %{} = report}), do: report
  defp report(%{reason: reason}), do: report({:error, reason})
  defp report(_other), do: %{}

  defp number(report, key) do
    case report do
      %{^key => number} when is_integer(number) and number > 0 -> number
      _other -> 0
    end
  end

  @doc "Counts one rollback evaluation."
  def evaluated(result) do
    safely(fn ->
      increment(:rollback_evaluations, [{result, 1}])
      stamp(:rollback_evaluations, now())
    end)
  end

  @doc "Counts one call of a deprecated API. Raises `ArgumentError` for a name or release of another shape."
  def deprecated(api, removal) do
    name? =
      is_binary(api) and byte_size(api) <= 120 and
        api =~ ~r/\A[A-Z][A-Za-z0-9_.]*\.[a-z0-9_]+[?!]?\/[0-9]{1,2}\z/

    name? || raise ArgumentError, "#{inspect(api)} is no function: say it as in \"Jido.MemoryOS.forget/3\""
    release? = is_binary(removal) and removal =~ ~r/\A[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?\z/
    release? || raise ArgumentError, "#{inspect(removal)} is no release: say it as in \"0.3.0\""

    key = {:deprecated, api, removal}
    safely(fn -> :ets.update_counter(@table, key, 1, {key, 0}) end)
  end

  @doc "The parts of the document that come from here."
  def parts do
    sweep()
    running? = :ets.match(@table, {{:run, :_}, :_, :reconciliation}, 1) != :"$end_of_table"

    %{
      migration: row(:migration),
      reconciliation: Map.put(row(:reconciliation), :running, running?),
      rollback_evaluations: row(:rollback_evaluations),
      parity: row(:parity),
      deprecations: Enum.map(:ets.match(@table, {{:deprecated, :"$1", :"$2"}, :"$3"}), &deprecation/1)
    }
  end

  defp row(kind) do
    [row] = :ets.lookup(@table, kind)
    @columns[kind] |> Enum.zip(row |> Tuple.to_list() |> tl()) |> Map.new()
  end

  defp deprecation([api, removal, calls]), do: %{api: api, removal: removal, calls: calls}

  # Moves a target from the count of its last state to that of this one. Of two that move it at once the second sees what
  # the first did and tries again, so that every target is in one count.
  defp put_parity(target, state) do
    case :ets.lookup(@parity, target) do
      [{_target, ^state}] ->
        :ok

      [{_target, last} = row] ->
        if :ets.select_replace(@parity, [{row, [], [{:const, {target, state}}]}]) == 1,
          do: increment(:parity, [{last, -1}, {state, 1}]),
          else: put_parity(target, state)

      [] ->
        if :ets.insert_new(@parity, {target, state}),
          do: increment(:parity, [{state, 1}]),
          else: put_parity(target, state)
    end
  end

  defp increment(kind, changes) do
    :ets.update_counter(@table, kind, for({column, by} <- changes, do: {place(kind, column), by}))
  end

  defp place(kind, column), do: Enum.find_index(@columns[kind], &(&1 == column)) + 2

  # A result may be reported long after another one: the last time never goes back.
  defp stamp(kind, at) do
    last = length(@columns[kind]) + 1
    if at > :ets.lookup_element(@table, kind, last), do: :ets.update_element(@table, kind, {last, at})
  end

  defp finished_at(reports),
    do: reports |> Enum.map(&time(report(&1), :finished_at)) |> Enum.max(fn -> now() end)

  defp time(report, key) do
    case report do
      %{^key => at} when is_integer(at) and at > 0 -> at
      _other -> now()
    end
  end

  defp now, do: System.system_time(:millisecond)

  # The work on MemoryOS is done or goes on: a bridge that is not there must not fail it.
  defp safely(function) do
    function.()
    :ok
  rescue
    ArgumentError -> Logger.warning("MemoryOSBridge is not running: a result was not counted")
  end
end

defmodule MemoryOSBridge.Sweeper do
  @moduledoc "Looks once a second for callers that died in the middle of a call."

  use GenServer

  alias MemoryOSBridge.{History, Operations}

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @impl true
  def init(nil) do
    {:ok, _timer} = :timer.send_interval(1_000, :sweep)
    {:ok, nil}
  end

  @impl true
  def handle_info(:sweep, nil) do
    Operations.sweep()
    History.sweep()
    {:noreply, nil}
  end
end

defmodule MemoryOSBridge.Reader do
  @moduledoc """
  Asks one MemoryOS process, with never more than one call outstanding.

  A call that timed out is still in the process's mailbox and lengthens the backlog that made it late. So a call has no
  time limit here: whoever asks while one is outstanding waits for that one, as long as he cares to.

  The message of a call is not ours to know, and a message that a GenServer does not know stops it. So it is learnt from
  the public function, which is called with another process as its server: `message_of/1`.
  """

  use GenServer

  alias MemoryOSBridge.Rollout

  @compile {:no_warn_undefined, [Jido.MemoryOS.MemoryManager, Jido.MemoryOS.ReleaseController]}

  @table MemoryOSBridge
  @tick_ms 1_000

  @doc "The registered name of the reader of `:manager` or `:release`."
  def name(process), do: Module.concat(__MODULE__, process)

  def start_link({process, options}),
    do: GenServer.start_link(__MODULE__, {process, options}, name: name(process))

  @doc """
  Begins to read a process; `:gen_server.receive_response/2` gives a map from part to `{:ok, reply}` or `{:error, atom}`,
  each with the microseconds that its call took (nil: none was made). It is answered after `timeout` ms at the latest.
  """
  def request(process, timeout), do: :gen_server.send_request(name(process), {:read, timeout})

  @doc "Calls a public function of MemoryOS on `server` and waits `timeout` ms, whatever limit the function has."
  def ask(server, function, timeout) do
    with {:ok, message} <- message_of(function), do: GenServer.call(server, message, timeout)
  catch
    :exit, reason -> {:error, reason}
  end

  @doc "The one message that `function.(server)` sends to its server, with GenServer's protocol around it taken off."
  def message_of(function) do
    observer = self()

    {pid, monitor} =
      spawn_monitor(fn ->
        try do
          function.(observer)
        catch
          _kind, reason -> exit({:shutdown, reason})
        end
      end)

    result =
      receive do
        {:"$gen_call", {^pid, _tag}, message} -> {:ok, message}
        {:DOWN, ^monitor, _process, _pid, {:shutdown, :undef}} -> {:error, :undef}
        {:DOWN, ^monitor, _process, _pid, _reason} -> {:error, :unexpected}
      after
        1_000 -> {:error, :unexpected}
      end

    Process.demonitor(monitor, [:flush])
    Process.exit(pid, :kill)
    result
  end

  @doc """
  The local pid of a MemoryOS process and when it was first seen (unix ms): Erlang does not tell when a process started,
  and the bridge, beginning with the application and looking every second, is never far off.
  """
  def seen(process, server) do
    with pid when is_pid(pid) <- GenServer.whereis(server) do
      case :ets.lookup(@table, {:seen, process}) do
        [{_key, ^pid, at}] ->
          {pid, at}

        _another ->
          at = System.system_time(:millisecond)
          :ets.insert(@table, {{:seen, process}, pid, at})
          {pid, at}
      end
    end
  end

  @impl true
  def init({process, options}) do
    state = %{
      process: process,
      server: Map.fetch!(options, process),
      refresh_ms: options.refresh_ms,
      refreshed: nil,
      pid: nil,
      # The manager's limits do not change while it lives: read once for each pid.
      config: nil,
      # The call outstanding, the parts to be asked after it, what this round has brought, and who waits for it.
      call: nil,
      todo: [],
      results: %{},
      waiting: %{}
    }

    {:ok, state, {:continue, :tick}}
  end

  @impl true
  def handle_continue(:tick, state), do: {:noreply, tick(state)}

  @impl true
  def handle_call({:read, timeout}, from, state) do
    timer = Process.send_after(self(), {:give_up, from}, timeout)
    {:noreply, begin(put_in(state.waiting[from], timer))}
  end

  @impl true
  # A call that is outstanding will do: the controller worked off the change before it, or its old answer came before this.
  def handle_cast(:refresh, state), do: {:noreply, refresh(state)}

  @impl true
  def handle_info(:tick, state), do: {:noreply, tick(state)}

  def handle_info({:give_up, from}, state) do
    case pop_in(state.waiting[from]) do
      {nil, state} ->
        {:noreply, state}

      {_timer, state} ->
        late =
          for part <- [state.call.part | state.todo],
              into: %{},
              do: {part, {{:error, :timeout}, age(state.call)}}

        GenServer.reply(from, Map.merge(state.results, late))
        {:noreply, state}
    end
  end

  def handle_info(message, %{call: %{id: id}} = state) do
    case :gen_server.check_response(message, id) do
      :no_reply -> {:noreply, state}
      {:reply, {:ok, reply}} -> {:noreply, settle(state, {:ok, reply})}
      {:reply, _other} -> {:noreply, settle(state, {:error, :unexpected})}
      {:error, {reason, _server}} -> {:noreply, settle(state, {:error, reason(reason)})}
    end
  end

  def handle_info(_message, state), do: {:noreply, state}

  defp tick(state) do
    Process.send_after(self(), :tick, @tick_ms)

    case seen(state.process, state.server) do
      # A controller that is new has another mode: the calls that follow are not to be counted under the old one.
      {pid, _at} when pid != state.pid -> refresh(%{state | pid: pid})
      _same -> if due?(state), do: refresh(state), else: state
    end
  end

  defp due?(%{refreshed: at, refresh_ms: rhythm}),
    do: at == nil or System.monotonic_time(:millisecond) - at >= rhythm

  # Only the status decides anything here; of the manager nobody asks unless a document is wanted.
  defp refresh(%{process: :release} = state),
    do: begin(%{state | refreshed: System.monotonic_time(:millisecond)})

  defp refresh(state), do: state

  defp begin(%{call: nil} = state) do
    pid = GenServer.whereis(state.server)

    case state do
      %{process: :release} -> next(%{state | todo: [:release], results: %{}})
      %{config: {^pid, config}} -> next(%{state | todo: [:manager], results: %{config: {{:ok, config}, nil}}})
      %{process: :manager} -> next(%{state | todo: [:config, :manager], results: %{}})
    end
  end

  defp begin(state), do: state

  defp next(%{todo: []} = state) do
    for {from, timer} <- state.waiting do
      Process.cancel_timer(timer)
      GenServer.reply(from, state.results)
    end

    %{state | call: nil, waiting: %{}}
  end

  defp next(%{todo: [part | todo]} = state) do
    learnt = message_of(function(part))

    call = %{
      part: part,
      pid: GenServer.whereis(state.server),
      started: System.monotonic_time(:microsecond),
      id: nil
    }

    state = %{state | call: call, todo: todo}

    case {call.pid, learnt} do
      {nil, _learnt} -> settle(state, {:error, :noproc})
      {_pid, {:error, reason}} -> settle(state, {:error, reason})
      {pid, {:ok, message}} -> put_in(state.call.id, :gen_server.send_request(pid, message))
    end
  end

  defp function(:manager), do: &Jido.MemoryOS.MemoryManager.metrics/1
  defp function(:config), do: &Jido.MemoryOS.MemoryManager.current_config/1
  defp function(:release), do: &Jido.MemoryOS.ReleaseController.status/1

  defp settle(%{call: call} = state, result) do
    state
    |> remember(call, result)
    |> put_in([:results, call.part], {result, age(call)})
    |> next()
  end

  defp remember(state, %{part: :config, pid: pid}, {:ok, config}), do: %{state | config: {pid, config}}

  defp remember(state, %{part: :release}, {:ok, %{mode: _, rollout_stage: _, canary_ratio: _} = status}) do
    Rollout.put(status)
    state
  end

  defp remember(state, _call, _result), do: state

  defp age(call), do: System.monotonic_time(:microsecond) - call.started

  # The reason of a crash holds what the process was working on, which must not leave the node: only names do.
  defp reason(reason) when reason in [:noproc, :killed, :shutdown, :normal, :nodedown], do: reason
  defp reason({:shutdown, _reason}), do: :shutdown
  defp reason(_other), do: :crashed
end

defmodule MemoryOSBridge.Document do
  @moduledoc """
  The stats document, `memoryos-stats/1`.

  Only the keys listed here are taken from MemoryOS, and of those only numbers, booleans and names of modes and stages: no
  payload, agent id, target id or group name ever leaves the node.
  """

  alias MemoryOSBridge.{History, Operations, Reader}

  @manager ~w(
    queued processed timed_out overloaded throttled retried dead_lettered cancelled idempotent_reused journal_replayed
    starvation_prevented cache_hit cache_miss cache_invalidated queue_depth pending_agents approvals_active
    query_cache_entries audit_events journal_events
  )a
  @config ~w(
    queue_max_depth queue_per_agent adaptive_throttle_enabled adaptive_throttle_target_depth adaptive_throttle_soft_limit
    journal_limit request_timeout_ms dead_letter_limit
  )a
  @release [:canary_ratio, :fallback_enabled]
  @release_metrics ~w(
    remember_legacy retrieve_legacy remember_memory_os retrieve_memory_os dual_run_drift_samples drift_samples fallbacks
    rollbacks
  )a
  @drift [:samples, :average, :max, :over_threshold, :min_samples, :threshold, :ready?]
  @snapshot [:latency_p95_ms, :error_rate, :queue_depth]

  @doc "Builds the document. Both processes are asked at once; one that is late or dead makes its parts null."
  def build(options) do
    requests = for process <- [:manager, :release], do: Reader.request(process, options.timeout_ms)
    # The readers answer in time by themselves; the margin is for a reader that is not scheduled.
    answers = Enum.map(requests, &:gen_server.receive_response(&1, options.timeout_ms + 500))
    read = answers |> Enum.map(&answer/1) |> Enum.reduce(&Map.merge/2)

    %{
      schema: "memoryos-stats/1",
      at: System.system_time(:millisecond),
      node: Atom.to_string(node()),
      versions: versions(),
      manager: part(read, :manager, &scalars(&1, @manager)),
      config: part(read, :config, &scalars(Map.get(&1, :manager, %{}), @config)),
      release: part(read, :release, &release/1),
      process: Map.new([:manager, :release], &{&1, process(&1, Map.fetch!(options, &1))}),
      operations: Operations.part(),
      errors:
        for(part <- [:manager, :config, :release], reason = error(read, part), into: %{}, do: {part, reason}),
      call_us:
        for({part, {_result, microseconds}} <- read, microseconds != nil, into: %{}, do: {part, microseconds})
    }
    |> Map.merge(History.parts())
  end

  defp answer({:reply, parts}), do: parts
  # A reader that is being restarted: its parts are missing here and null in the document.
  defp answer(_no_reader), do: %{}

  defp part(read, part, pick) do
    case read do
      %{^part => {{:ok, %{} = reply}, _microseconds}} -> pick.(reply)
      _other -> nil
    end
  end

  defp error(read, part) do
    case read do
      %{^part => {{:ok, %{}}, _microseconds}} -> nil
      %{^part => {{:error, reason}, _microseconds}} -> reason
      %{^part => _other} -> :unexpected
      _no_reader -> :bridge
    end
  end

  defp release(status) do
    status
    |> scalars(@release)
    |> Map.merge(names(status, [:mode, :rollout_stage]))
    |> put_map(status, :drift, &scalars(&1, @drift))
    |> put_map(status, :rollback_thresholds, &scalars(&1, @snapshot))
    |> put_map(status, :metrics, &scalars(&1, @release_metrics))
    |> put_last_rollback(status)
  end

  defp put_last_rollback(release, %{last_rollback: nil}), do: Map.put(release, :last_rollback, nil)
  defp put_last_rollback(release, status), do: put_map(release, status, :last_rollback, &rollback/1)

  defp rollback(rollback) do
    rollback
    |> scalars([:at])
    |> Map.merge(names(rollback, [:mode_before, :mode_after]))
    |> put_map(rollback, :snapshot, &scalars(&1, @snapshot))
    |> put_map(rollback, :thresholds, &scalars(&1, @snapshot))
  end

  defp put_map(picked, source, key, pick) do
    case source do
      %{^key => %{} = map} -> Map.put(picked, key, pick.(map))
      _other -> picked
    end
  end

  defp scalars(map, keys) do
    for key <- keys,
        %{^key => value} <- [map],
        is_number(value) or is_boolean(value),
        into: %{},
        do: {key, value}
  end

  defp names(map, keys) do
    for key <- keys, %{^key => value} <- [map], is_atom(value) and value != nil, into: %{}, do: {key, value}
  end

  # Process.info is answered by the runtime, not by the process: it works while the process itself does not.
  defp process(process, server) do
    with {pid, at} <- Reader.seen(process, server),
         [message_queue_len: length, memory: memory] <- Process.info(pid, [:message_queue_len, :memory]) do
      %{pid: inspect(pid), message_queue_len: length, memory: memory, started_at: at}
    else
      _dead -> nil
    end
  end

  defp versions do
    for {key, application} <- [memory_os: :jido_memory_os, jido_memory: :jido_memory],
        version = Application.spec(application, :vsn),
        into: %{},
        do: {key, to_string(version)}
  end
end

defmodule MemoryOSBridge.JSON do
  @moduledoc """
  Encodes the document.

  Elixir has JSON from 1.18 on and Jason is not in every application; one encoder for the few kinds of value that a document
  has is less than a choice among three, and what is tested is what runs everywhere.
  """

  @doc "JSON of maps with atom keys, lists, numbers, booleans, nil, atoms and strings."
  def encode(nil), do: "null"
  def encode(boolean) when is_boolean(boolean), do: Atom.to_string(boolean)
  def encode(atom) when is_atom(atom), do: atom |> Atom.to_string() |> encode()
  def encode(integer) when is_integer(integer), do: Integer.to_string(integer)
  def encode(float) when is_float(float), do: Float.to_string(float)
  def encode(list) when is_list(list), do: [?[, list |> Enum.map(&encode/1) |> Enum.intersperse(?,), ?]]

  def encode(%{} = map) do
    members = for {key, value} <- map, do: [encode(key), ?:, encode(value)]
    [?{, Enum.intersperse(members, ?,), ?}]
  end

  def encode(string) when is_binary(string),
    do: [?", if(plain?(string), do: string, else: escape(string)), ?"]

  # Nearly every string is a key of the document and needs no look at its characters one by one.
  defp plain?(<<character, rest::binary>>) when character in 0x20..0x7E and character not in [?", ?\\],
    do: plain?(rest)

  defp plain?(rest), do: rest == ""

  # Names from outside (a node's) may hold anything; what is not UTF-8 becomes the replacement character.
  defp escape(string), do: string |> String.codepoints() |> Enum.map(&escaped/1)

  defp escaped("\""), do: ~S(\")
  defp escaped("\\"), do: ~S(\\)

  defp escaped(<<control>>) when control < 0x20,
    do: "\\u" <> String.pad_leading(Integer.to_string(control, 16), 4, "0")

  defp escaped(<<_codepoint::utf8>> = character), do: character
  defp escaped(_not_utf8), do: "\uFFFD"
end

defmodule MemoryOSBridge.HTTP do
  @moduledoc """
  A listener for applications without Plug: `GET /stats`, one request a connection.

  Bounded on every side: connections at a time, length and number of header lines, and the time that a client may take to
  send its request and to read the answer.
  """

  use Task, restart: :permanent
  require Logger

  @table MemoryOSBridge
  @connections MemoryOSBridge.Connections

  @request_ms 5_000
  @longest_line 8_192
  @most_headers 64
  @retry_ms 1_000

  @doc "The processes that serve: one that accepts, and the supervisor that bounds the connections."
  def children(options) do
    [
      {Task.Supervisor, name: @connections, max_children: options.max_connections},
      {__MODULE__, options}
    ]
  end

  def start_link(options), do: Task.start_link(__MODULE__, :listen, [options, nil])

  @doc "The port that is bound, nil while none is."
  def port do
    :ets.lookup_element(@table, :port, 2)
  rescue
    ArgumentError -> nil
  end

  @doc false
  # A port that is taken is no reason to stop the application: it is said once and tried again.
  def listen(options, said) do
    family = if tuple_size(options.ip) == 8, do: [:inet6], else: []
    flags = [:binary, ip: options.ip, active: false, reuseaddr: true, backlog: 64, send_timeout: @request_ms]
    limits = [packet: :http_bin, packet_size: @longest_line, send_timeout_close: true]

    case :gen_tcp.listen(options.port, family ++ flags ++ limits) do
      {:ok, listener} ->
        {:ok, port} = :inet.port(listener)
        :ets.insert(@table, {:port, port})
        accept(listener, options)

      {:error, reason} ->
        if reason != said do
          where = "#{:inet.ntoa(options.ip)}:#{options.port}"

          Logger.error(
            "MemoryOSBridge cannot listen on #{where}: #{:inet.format_error(reason)}. It tries again."
          )
        end

        :ets.delete(@table, :port)
        Process.sleep(@retry_ms)
        listen(options, reason)
    end
  end

  defp accept(listener, options) do
    case :gen_tcp.accept(listener) do
      {:ok, socket} -> hand_over(socket, options)
      # Out of file descriptors, or a client that has gone: neither is ours to fail for.
      {:error, reason} when reason != :closed -> Process.sleep(50)
      {:error, :closed} -> exit(:listener_closed)
    end

    accept(listener, options)
  end

  defp hand_over(socket, options) do
    case Task.Supervisor.start_child(@connections, fn -> serve(socket, options.token) end) do
      {:ok, pid} ->
        :gen_tcp.controlling_process(socket, pid)

      {:error, _full} ->
        reply(socket, {503, "too many connections\n"})
    end
  end

  defp serve(socket, token) do
    deadline = System.monotonic_time(:millisecond) + @request_ms

    case request(socket, deadline) do
      {:ok, request} -> reply(socket, route(request, token))
      {:error, {_status, _text} = response} -> reply(socket, response)
      {:error, _gone} -> :gen_tcp.close(socket)
    end
  end

  defp route({method, path, authorization}, token) do
    cond do
      path != "/stats" -> {404, "not found: the document is at /stats\n"}
      method != :GET -> {405, "only GET\n"}
      true -> answer(authorization, token)
    end
  end

  @doc "The document, as a status and a body, for a request with that `Authorization` header (nil: none)."
  def answer(authorization, token) do
    if authorized?(authorization, token),
      do: {200, MemoryOSBridge.json()},
      else: {401, "a bearer token is needed\n"}
  rescue
    # What went wrong is for the log of this node, not for the client.
    error ->
      Logger.error("MemoryOSBridge cannot make the document: " <> Exception.message(error))
      {503, "no document; the node's log says why\n"}
  end

  # Compared without stopping at the first difference, so that the time taken tells nothing but the length.
  defp authorized?(_authorization, nil), do: true

  defp authorized?("Bearer " <> given, token) when byte_size(given) == byte_size(token),
    do: same?(given, token, 0)

  defp authorized?(_authorization, _token), do: false

  defp same?(<<a, left::binary>>, <<b, right::binary>>, difference),
    do: same?(left, right, Bitwise.bor(difference, Bitwise.bxor(a, b)))

  defp same?(<<>>, <<>>, difference), do: difference == 0

  defp request(socket, deadline) do
    case line(socket, deadline) do
      {:ok, {:http_request, method, {:abs_path, path}, _version}} ->
        headers(socket, deadline, {method, path |> String.split("?") |> hd(), nil}, @most_headers)

      {:ok, _no_request} ->
        {:error, {400, "not an HTTP request\n"}}

      {:error, _reason} = error ->
        error
    end
  end

  defp headers(_socket, _deadline, _request, 0), do: {:error, {431, "too many header lines\n"}}

  defp headers(socket, deadline, {method, path, authorization} = request, left) do
    case line(socket, deadline) do
      {:ok, :http_eoh} ->
        {:ok, request}

      {:ok, {:http_header, _, :Authorization, _, value}} ->
        headers(socket, deadline, {method, path, value}, left - 1)

      {:ok, {:http_header, _, _name, _, _value}} ->
        headers(socket, deadline, {method, path, authorization}, left - 1)

      {:ok, _malformed} ->
        {:error, {400, "a malformed header line\n"}}

      {:error, _reason} = error ->
        error
    end
  end

  # One deadline for the whole request: a client that sends a byte now and then is not a client.
  defp line(socket, deadline) do
    case :gen_tcp.recv(socket, 0, max(deadline - System.monotonic_time(:millisecond), 0)) do
      {:error, :timeout} -> {:error, {408, "the request took too long\n"}}
      other -> other
    end
  end

  @phrases %{
             200 => "OK",
             400 => "Bad Request",
             401 => "Unauthorized",
             404 => "Not Found",
             405 => "Method Not Allowed"
           }
           |> Map.merge(%{408 => "Request Timeout", 431 => "Request Header Fields Too Large"})
           |> Map.put(503, "Service Unavailable")

  defp reply(socket, response) do
    :gen_tcp.send(socket, response(response))
    :gen_tcp.close(socket)
  end

  defp response({status, body}) do
    type = if status == 200, do: "application/json", else: "text/plain; charset=utf-8"
    extra = %{401 => "WWW-Authenticate: Bearer\r\n", 405 => "Allow: GET\r\n"}

    [
      "HTTP/1.1 #{status} #{@phrases[status]}\r\n",
      "Content-Type: #{type}\r\nContent-Length: #{IO.iodata_length(body)}\r\n",
      Map.get(extra, status, ""),
      "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
      body
    ]
  end
end

defmodule MemoryOSBridge.Plug do
  @moduledoc """
  Serves the document in an application that has Plug or Phoenix.

      forward "/stats", MemoryOSBridge.Plug       # in a Phoenix router
      forward "/stats", to: MemoryOSBridge.Plug   # in a Plug.Router

  The bridge is then started with `port: nil`. Its `:token`, a secret read when the application starts, counts here too:
  options of a plug are fixed when it is compiled. Without a token the document is open to whoever reaches the route.
  """

  alias MemoryOSBridge.HTTP

  @compile {:no_warn_undefined, Plug.Conn}

  @doc false
  def init([]), do: []
  def init(options), do: raise(ArgumentError, "MemoryOSBridge.Plug takes no options, not #{inspect(options)}")

  @doc false
  def call(conn, _options) do
    authorization = conn |> Plug.Conn.get_req_header("authorization") |> List.first()
    {status, body} = HTTP.answer(authorization, MemoryOSBridge.option(:token))

    conn
    |> Plug.Conn.put_resp_content_type(if status == 200, do: "application/json", else: "text/plain")
    |> Plug.Conn.put_resp_header("cache-control", "no-store")
    |> challenge(status)
    |> Plug.Conn.send_resp(status, body)
    |> Plug.Conn.halt()
  end

  defp challenge(conn, 401), do: Plug.Conn.put_resp_header(conn, "www-authenticate", "Bearer")
  defp challenge(conn, _status), do: conn
end
