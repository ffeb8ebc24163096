# An application that runs the bridge beside stand-ins of MemoryOS, for tests from outside:
#
#   MIX_ENV=test mix run test/support/host.exs [OPTIONS OF THE BRIDGE]
#
# Prints the bridge's port, then evaluates each line of its input and prints what that gave.

alias Jido.MemoryOS.{MemoryManager, ReleaseController}

defmodule Host do
  @doc "Processes that wait in the manager's mailbox, and do not come back while it is stalled."
  def wait_at_manager(count) do
    for n <- 1..count, do: spawn(fn -> MemoryOSBridge.MemoryOS.remember(%{id: "agent-#{n}"}, %{}) end)

    until(fn ->
      Process.info(Process.whereis(MemoryManager), :message_queue_len) == {:message_queue_len, count}
    end)
  end

  @doc "Callers that each make `calls` calls through the controller, every tenth of them failing."
  def hammer(callers, calls) do
    :sys.replace_state(ReleaseController, &%{&1 | answer: fn _operation, _target, n -> answer(n) end})

    spawn(fn ->
      1..callers
      |> Enum.map(fn n -> Task.async(fn -> for call <- 1..calls, do: call(n, call) end) end)
      |> Task.await_many(:infinity)

      Process.register(self(), :hammered)
      Process.sleep(:infinity)
    end)

    :hammering
  end

  def hammered?, do: Process.whereis(:hammered) != nil

  defp call(caller, n), do: MemoryOSBridge.ReleaseController.remember(%{id: "agent-#{caller}"}, n)
  defp answer(n) when rem(n, 10) == 0, do: {:error, StandIn.error(:manager_overloaded)}
  defp answer(_n), do: {:ok, :stored}

  def until(condition), do: condition.() || (Process.sleep(5) && until(condition))

  @doc "Evaluates lines until there are none."
  def obey do
    case IO.read(:line) do
      line when is_binary(line) ->
        {result, _binding} = Code.eval_string(line, [], __ENV__)
        IO.puts("= " <> inspect(result))
        obey()

      _end ->
        :ok
    end
  end
end

# The stand-ins are started from here and may be killed without taking this process along.
Process.flag(:trap_exit, true)

for {name, version} <- [jido_memory_os: "0.1.0", jido_memory: "0.1.0"] do
  :ok = :application.load({:application, name, [vsn: String.to_charlist(version)]})
end

{options, _binding} = System.argv() |> Enum.join(" ") |> then(&Code.eval_string("[#{&1}]"))
{:ok, _manager} = MemoryManager.start_link()
{:ok, _controller} = ReleaseController.start_link()
{:ok, _bridge} = MemoryOSBridge.start_link([port: 0] ++ options)
Host.until(&MemoryOSBridge.port/0)
Host.until(fn -> :ets.member(MemoryOSBridge, :rollout) end)
IO.puts("port=#{MemoryOSBridge.port()}")
Host.obey()
