"""A policy-gradient agent of tensorforce 0.4 that learns which action is rewarded; the environment is the program's own."""
import numpy as np
from tensorforce.agents import PPOAgent

np.random.seed(0)
agent = PPOAgent(
    states=dict(type="float", shape=(2,)),
    actions=dict(type="int", num_actions=2),
    network=[dict(type="dense", size=16), dict(type="dense", size=16)],
    step_optimizer=dict(type="adam", learning_rate=1e-2),
    update_mode=dict(unit="episodes", batch_size=8, frequency=8),
    memory=dict(type="latest", include_next_states=False, capacity=2000),
    optimization_steps=10, subsampling_fraction=0.5)

rewards = []
for episode in range(300):
    side = np.random.randint(2)
    action = agent.act(states=np.eye(2)[side])
    reward = float(action == side)
    agent.observe(terminal=True, reward=reward)
    rewards.append(reward)
agent.close()
first, last = np.mean(rewards[:50]), np.mean(rewards[-50:])
print("reward: %.2f -> %.2f" % (first, last))
assert last > 0.85
