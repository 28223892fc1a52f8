import numpy as np
import pytest
import torch

from training.rl.agent import AgentConfig
from training.rl.exploration import LastingNoise


def drawn(noise: LastingNoise, steps: int, random: torch.Generator) -> torch.Tensor:
    return torch.stack([noise.draw(random) for _ in range(steps)])


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_noise_is_standard_normal_and_correlated_as_asked(memory: float) -> None:
    noise = drawn(LastingNoise(500, 2, memory), 200, torch.Generator().manual_seed(0))
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1.0, abs=0.02)
    assert float(noise[0].std()) == pytest.approx(1.0, abs=0.1)  # from the first step on
    assert float((noise[1:] * noise[:-1]).mean()) == pytest.approx(memory, abs=0.02)


def test_a_restarted_car_forgets_and_the_others_go_on() -> None:
    noise, random = LastingNoise(2000, 1, 0.95), torch.Generator().manual_seed(1)
    before = noise.draw(random)
    noise.restart(np.arange(1000))
    after = noise.draw(random)
    assert abs(float((before[:1000] * after[:1000]).mean())) < 0.1
    assert float((before[1000:] * after[1000:]).mean()) > 0.8


def test_without_memory_it_is_the_plain_sequence_and_a_state_goes_on() -> None:
    plain = torch.Generator().manual_seed(2)
    noise, random = LastingNoise(3, 2, 0.0), torch.Generator().manual_seed(2)
    assert torch.equal(drawn(noise, 4, random), torch.stack([torch.randn(3, 2, generator=plain) for _ in range(4)]))
    lasting, again = LastingNoise(3, 2, 0.9), LastingNoise(3, 2, 0.9)
    lasting.draw(random)
    again.restore(lasting.state())
    other = torch.Generator()
    other.set_state(random.get_state())
    assert torch.equal(drawn(lasting, 3, random), drawn(again, 3, other))


@pytest.mark.parametrize("memory", [-0.1, 1.0])
def test_memory_outside_its_range_is_refused(memory: float) -> None:
    with pytest.raises(ValueError, match="noise_memory"):
        AgentConfig(noise_memory=memory)
