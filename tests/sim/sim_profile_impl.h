/* sim_profile_impl.h - how the families of simulated modems are written down. */
#ifndef SIM_PROFILE_IMPL_H
#define SIM_PROFILE_IMPL_H

#include <stddef.h>

#include "sim_at.h"
#include "sim_profile.h"

#define LINES(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}
#define SAYS(...) \
	(const struct sim_saying[]) \
	{ \
		__VA_ARGS__, \
		{ \
			0, SIM_ALWAYS, NULL \
		} \
	}
#define CHATTER(...) \
	(const struct sim_chatter[]) \
	{ \
		__VA_ARGS__, \
		{ \
			NULL, 0, NULL \
		} \
	}

extern const struct sim_profile sim_profile_sim800, sim_profile_sim5320, sim_profile_sim7600,
	sim_profile_a76xx, sim_profile_quectel_gsm, sim_profile_quectel_lte, sim_profile_huawei,
	sim_profile_zte, sim_profile_wavecom, sim_profile_cinterion, sim_profile_telit,
	sim_profile_ublox, sim_profile_neoway, sim_profile_fibocom, sim_profile_aithinker,
	sim_profile_luat, sim_profile_generic;

#endif
