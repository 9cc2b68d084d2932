"""A2C of stable-baselines 2.10 on an environment of the program's own that pays for one of two actions."""
import gym
import numpy as np
from stable_baselines import A2C
from stable_baselines.common.policies import MlpPolicy
from stable_baselines.common.vec_env import DummyVecEnv


class Bandit(gym.Env):
    observation_space = gym.spaces.Box(low=0.0, high=1.0, shape=(2,), dtype=np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        self.rng = np.random.RandomState(0)

    def reset(self):
        self.side = self.rng.randint(2)
        return np.eye(2, dtype=np.float32)[self.side]

    def step(self, action):
        reward = float(action == self.side)
        return self.reset(), reward, True, {}


env = DummyVecEnv([Bandit])
model = A2C(MlpPolicy, env, learning_rate=0.01, seed=0, verbose=0)
model.learn(total_timesteps=3000)
right = np.mean([model.predict(np.eye(2, dtype=np.float32)[[side]], deterministic=True)[0][0] == side for side in (0, 1)])
model.save("stable_baselines_model")
A2C.load("stable_baselines_model", env=env)
print("right: %.2f" % right)
assert right == 1.0
